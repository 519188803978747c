//! Rules as Kubernetes users write them, and texts meant to break the engine.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use mesh_cel::{
    Budget, CelEngine, CompileError, Environment, EvaluationError, Input, KubernetesCel, Outcome, Shape,
};
use serde_json::{Value, json};

fn object(fields: &[(&str, Shape)]) -> Arc<Shape> {
    let fields: BTreeMap<String, Arc<Shape>> =
        fields.iter().map(|(name, shape)| ((*name).to_owned(), Arc::new(shape.clone()))).collect();
    Arc::new(Shape::Object { fields, open: false })
}

fn evaluate(text: &str, value: &Value) -> Result<Outcome, String> {
    let environment = Environment::new().with("self", Shape::dynamic());
    let program = KubernetesCel.compile(text, &environment).map_err(|error| error.to_string())?;
    program.evaluate(&[Input::Json(value)], &mut Budget::default()).map_err(|error| error.to_string())
}

#[track_caller]
fn holds(text: &str, value: &Value) {
    assert_eq!(evaluate(text, value), Ok(Outcome::Bool(true)), "{text}");
}

#[test]
fn expressions_of_the_language_hold() {
    let value = json!({
        "a": 3, "b": "hello", "l": [1, 2, 3], "m": {"x": "1", "y": "2"}, "f": 1.5, "n": null,
        "items": [{"name": "a", "port": 1}, {"name": "b", "port": 2}],
    });
    for text in [
        "self.a == 3 && self.b == 'hello'",
        "self.a + 2 * 3 - 1 == 8 && 7 / 2 == 3 && 7 % 2 == 1 && -self.a == -3",
        "self.a < 4 && self.a <= 3 && self.a > 2 && self.a >= 3 && self.a != 4",
        "1 == 1.0 && 1u == 1 && 1 < 1.5",
        "'a' < 'b' && 'a' + 'b' == 'ab'",
        "self.l.all(x, x > 0) && self.l.exists(x, x == 2) && self.l.exists_one(x, x == 2)",
        "self.l.map(x, x * 2) == [2, 4, 6] && self.l.filter(x, x > 1) == [2, 3]",
        "self.l.map(x, x > 1, x * 10) == [20, 30]",
        "size(self.l) == 3 && self.l.size() == 3 && size(self.b) == 5 && size(self.m) == 2",
        "'x' in self.m && !('z' in self.m) && 2 in self.l",
        "self.m.all(k, self.m[k] != '') && self.m['x'] == '1' && self.m.x == '1'",
        "has(self.a) && !has(self.z) && has(self.m.x)",
        "self.a == 3 ? true : self.nothing",
        "self.nothing == 1 || true",
        "true || self.nothing == 1",
        "!(false && self.nothing == 1)",
        "self.b.startsWith('he') && self.b.endsWith('lo') && self.b.contains('ell') && self.b.matches('^h.*o$')",
        "self.b.charAt(1) == 'e' && self.b.indexOf('l') == 2 && self.b.lastIndexOf('l') == 3",
        "self.b.upperAscii() == 'HELLO' && ' x '.trim() == 'x' && self.b.replace('l', 'L') == 'heLLo'",
        "'a,b,c'.split(',') == ['a', 'b', 'c'] && ['a', 'b'].join('-') == 'a-b' && 'abc'.split('', 2) == ['a', 'bc']",
        "self.b.substring(1, 3) == 'el' && self.b.find('l+') == 'll' && 'a1b2'.findAll('[0-9]') == ['1', '2']",
        "self.l.isSorted() && self.l.sum() == 6 && self.l.min() == 1 && self.l.max() == 3 && self.l.indexOf(2) == 1",
        "int('5') == 5 && string(5) == '5' && double(1) == 1.0 && type(1) == int && uint(3) == 3u",
        "duration('1h') > duration('59m') && duration('90s').getMinutes() == 1",
        "timestamp('2024-01-02T03:04:05Z').getFullYear() == 2024 && timestamp('2024-01-02T03:04:05Z').getMonth() == 0",
        "timestamp('2024-01-02T00:00:00Z') - timestamp('2024-01-01T00:00:00Z') == duration('24h')",
        "quantity('1Gi').isGreaterThan(quantity('1Mi')) && isQuantity('5') && !isQuantity('x')",
        "isURL('https://a.b/c') && url('https://a.b:8/c').getHost() == 'a.b:8'",
        "ip('10.0.0.1').family() == 4 && cidr('10.0.0.0/8').containsIP('10.1.2.3') && isIP('::1')",
        "sets.contains([1, 2, 3], [1, 2]) && sets.intersects([1], [1, 2]) && sets.equivalent([1, 1], [1])",
        "semver('1.2.3').isLessThan(semver('1.10.0')) && math.greatest(1, 5) == 5",
        "'%s has %d'.format(['x', 3]) == 'x has 3'",
        "self.items.exists(i, i.name == 'a' && i.port == 1)",
        "self.items.map(i, i.name) == ['a', 'b'] && self.items[1].name == 'b'",
        "self.n == null && has(self.n)",
        "self.?z.orValue('d') == 'd' && self.?b.orValue('d') == 'hello' && !self.?z.hasValue()",
        "optional.of(1).hasValue() && optional.none().orValue(2) == 2 && self.?m.?x.orValue('') == '1'",
        "self.l[?9].orValue(0) == 0 && self.?a.optMap(v, v + 1).orValue(0) == 4",
        "cel.bind(x, self.a + 1, x * x) == 16",
        "self.l.all(i, v, v == i + 1) && self.l.transformList(i, v, i + v) == [1, 3, 5]",
        "[3, 1, 2].sortBy(x, x) == [1, 2, 3] && lists.range(3) == [0, 1, 2]",
        "{'a': 1}.a == 1 && {'a': 1}['a'] == 1 && [1] + [2] == [1, 2]",
        "!format.dns1123Label().validate('Bad').hasValue() == false",
        "base64.decode(base64.encode(b'x')) == b'x'",
    ] {
        holds(text, &value);
    }
}

#[test]
fn failures_say_what_kubernetes_says() {
    let value = json!({"a": 3, "s": "x", "l": [1]});
    for (text, want) in [
        ("self.z == 1", "no such key: z"),
        ("self.l[5] == 1", "index out of bounds: 5"),
        ("1 / 0 == 1", "division by zero"),
        ("self.a + self.s == 1", "no such overload"),
        ("9223372036854775807 + self.a > 0", "return error for overflow"),
        ("nothing == 1", "undeclared reference to 'nothing' (in container '')"),
        ("self.a.frobnicate()", "undeclared reference to 'frobnicate' (in container '')"),
        ("1 + 'a' == 2", "found no matching overload for '_+_' applied to '(int, string)'"),
        ("self.s.all(x, true)", "no such overload"),
        ("Foo{a: 1} == 1", "undeclared reference to 'Foo' (in container '')"),
    ] {
        let error = evaluate(text, &value).expect_err(text);
        assert!(error.contains(want), "{text}: {error}");
    }
}

#[test]
fn fields_that_a_schema_does_not_declare_are_refused_at_registration() {
    let shape = object(&[
        ("name", Shape::String),
        ("namespace", Shape::String),
        ("a-b", Shape::Int),
        ("list", Shape::List { items: object(&[("x", Shape::Int)]), unordered: false }),
        ("map", Shape::Map(Arc::new(Shape::Int))),
        ("when", Shape::Timestamp),
    ]);
    let environment = Environment::new().with("self", shape);
    for (text, fault) in [
        ("self.nme == ''", Some("undefined field 'nme'")),
        ("self.list.all(i, i.y > 0)", Some("undefined field 'y'")),
        ("has(self.nope)", Some("undefined field 'nope'")),
        ("self.name == 1", Some("found no matching overload for '_==_' applied to '(string, int)'")),
        ("self.name && true", Some("found no matching overload for '_&&_'")),
        ("self.__namespace__ == self.name && self.a__dash__b > 0", None),
        ("self.map['k'] > 0 && self.map.all(k, k != '')", None),
        ("self.when > timestamp('2020-01-01T00:00:00Z')", None),
    ] {
        match (KubernetesCel.compile(text, &environment), fault) {
            (Ok(_), None) => {}
            (Err(error), Some(fault)) => assert!(error.to_string().contains(fault), "{text}: {error}"),
            (Ok(_), Some(_)) => panic!("{text} should be refused"),
            (Err(error), None) => panic!("{text}: {error}"),
        }
    }
    let program = KubernetesCel
        .compile("self.when < timestamp('2021-01-01T00:00:00Z')", &environment)
        .expect("compiles");
    let object = json!({"when": "2020-05-05T00:00:00Z"});
    assert_eq!(program.holds(&[Input::Json(&object)], &mut Budget::default()), Ok(true));
    assert!(program.uses("self"));
}

#[test]
fn bombs_end_in_a_refusal_within_a_second() {
    let big = json!({"l": (0..1000).collect::<Vec<i32>>(), "s": "a".repeat(100_000)});
    let doubling = format!("[self.s]{}.size() > 0", ".map(x, x + x)".repeat(200));
    let cases = [
        "self.l.all(a, self.l.all(b, self.l.all(c, self.l.all(d, a + b + c + d >= 0))))".to_owned(),
        "self.l.map(a, self.l.map(b, self.l.map(c, [a, b, c]))).size() > 0".to_owned(),
        doubling,
        "lists.range(1000000000).size() > 0".to_owned(),
        "self.s.replace('', self.s).size() > 0".to_owned(),
        "'%.999999999f'.format([1.0]) == ''".to_owned(),
        "self.l.all(x, self.s.matches('(a|aa)+b') == false)".to_owned(),
        "sets.contains(self.l.map(x, x), self.l.map(x, x)) && sets.equivalent(lists.range(100000), lists.range(100000))"
            .to_owned(),
    ];
    for text in cases {
        let started = Instant::now();
        let result = evaluate(&text, &big);
        let shown = &text[..text.len().min(60)];
        assert!(result.is_err(), "{shown}: {result:?}");
        assert!(started.elapsed().as_secs() < 5, "{shown}: {:?}", started.elapsed());
    }
}

#[test]
fn texts_that_would_overflow_a_parser_are_refused() {
    let environment = Environment::new().with("self", Shape::dynamic());
    for text in [
        "[".repeat(10_000),
        "(".repeat(60) + &")".repeat(60),
        "a".to_owned() + &".b".repeat(5000),
        "1".to_owned() + &"+1".repeat(5000),
        "!".repeat(900) + "true2",
        "-".repeat(900) + "self2",
        "{".repeat(64),
        "self".to_owned() + &"[0".repeat(63),
        "\u{0}\u{1}".to_owned(),
        "'".to_owned(),
        String::new(),
        "self.map(x, ".repeat(64),
        "a?b:".repeat(400) + "c",
        "? : ".repeat(400),
    ] {
        let started = Instant::now();
        assert!(KubernetesCel.compile(&text, &environment).is_err(), "{}", &text[..text.len().min(40)]);
        assert!(started.elapsed().as_secs() < 11);
    }
    // What the guard lets through is compiled and evaluated, however deep.
    for text in [
        "self".to_owned() + &".b".repeat(900),
        "1".to_owned() + &"+1".repeat(900) + " > 0",
        "!".repeat(900) + "true",
    ] {
        match KubernetesCel.compile(&text, &environment) {
            Ok(program) => {
                let _ = program.evaluate(&[Input::Json(&json!({}))], &mut Budget::default());
            }
            Err(error) => assert!(!matches!(error, CompileError::Stack(_)), "{error}"),
        }
    }
}

#[test]
fn the_budget_of_an_object_is_shared_by_its_rules() {
    let environment = Environment::new().with("self", Shape::dynamic());
    let program = KubernetesCel.compile("self.all(x, x >= 0)", &environment).expect("compiles");
    let list = json!((0..100).collect::<Vec<i32>>());
    let mut budget = Budget::of(1500);
    assert_eq!(program.holds(&[Input::Json(&list)], &mut budget), Ok(true));
    let fault = (0..100).find_map(|_| program.holds(&[Input::Json(&list)], &mut budget).err());
    assert_eq!(fault, Some(EvaluationError::Budget));
}

#[test]
fn deep_expressions_fit_the_stack_of_an_ordinary_thread() {
    let environment = Environment::new().with("self", Shape::dynamic());
    let work = move || {
        for depth in [10, 40, 45, 47, 50, 60] {
            for text in [
                "(".repeat(depth) + "self.a" + &" + 1)".repeat(depth) + " > 0",
                "self.l.all(x, ".repeat(depth) + "true" + &")".repeat(depth),
                "[".repeat(depth) + "1" + &"]".repeat(depth) + " != []",
            ] {
                let program = KubernetesCel.compile(&text, &environment).expect("compiles");
                let object = json!({"a": 1, "l": [1]});
                assert_eq!(
                    program.holds(&[Input::Json(&object)], &mut Budget::default()),
                    Ok(true),
                    "{text}"
                );
            }
        }
    };
    let thread = std::thread::Builder::new().stack_size(1024 * 1024).spawn(work).expect("starts");
    assert!(thread.join().is_ok());
}

#[test]
fn cel_results_are_given_as_json() {
    let environment = Environment::new().with("self", Shape::dynamic());
    let object = json!({"items": [{"n": 1}, {"n": 2}], "at": "2026-01-02T03:04:05Z"});
    let value = |text: &str| {
        let program = KubernetesCel.compile(text, &environment).unwrap();
        program.value(&[Input::Json(&object)], &mut Budget::default())
    };
    assert_eq!(value("self.items.map(i, i.n * 2)"), Ok(json!([2, 4])));
    assert_eq!(value("self.items[0]"), Ok(json!({"n": 1})));
    assert_eq!(value("{'a': 1.5, 'b': [true, null]}"), Ok(json!({"a": 1.5, "b": [true, null]})));
    assert_eq!(value("duration('-1500ms')"), Ok(json!("-1.500000000s")));
    assert_eq!(value("timestamp(self.at)"), Ok(json!("2026-01-02T03:04:05Z")));
    assert!(matches!(value("type(self)"), Err(EvaluationError::WrongType { .. })));
}
