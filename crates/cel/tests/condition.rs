//! OpenFGA's conditions: what compiles, what it gives, what it costs.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use mesh_cel::{CONDITION_COST_MAX, Condition, ConditionAnswer, ConditionFault, ContextError, ParameterType};
use serde_json::{Value, json};

/// `list<string>` and the like.
fn parameter_type(text: &str) -> ParameterType {
    let inner = |prefix: &str| {
        let inner = text.strip_prefix(prefix)?.strip_suffix('>')?;
        Some(Box::new(parameter_type(inner)))
    };
    match text {
        "any" => ParameterType::Any,
        "bool" => ParameterType::Bool,
        "string" => ParameterType::String,
        "int" => ParameterType::Int,
        "uint" => ParameterType::Uint,
        "double" => ParameterType::Double,
        "duration" => ParameterType::Duration,
        "timestamp" => ParameterType::Timestamp,
        "ipaddress" => ParameterType::IpAddress,
        _ => match (inner("list<"), inner("map<")) {
            (Some(of), _) => ParameterType::List(of),
            (_, Some(of)) => ParameterType::Map(of),
            _ => panic!("{text}"),
        },
    }
}

/// `x: int, xs: list<string>`
fn parameters(text: &str) -> Vec<(String, ParameterType)> {
    let of = |part: &str| {
        let (name, of) = part.split_once(':').unwrap();
        (name.trim().to_owned(), parameter_type(of.trim()))
    };
    text.split(',').filter(|part| !part.trim().is_empty()).map(of).collect()
}

#[track_caller]
fn compile(expression: &str, declared: &str) -> Condition {
    match Condition::compile(expression, parameters(declared)) {
        Ok(condition) => condition,
        Err(error) => panic!("{expression}: {error}"),
    }
}

#[track_caller]
fn evaluate(expression: &str, declared: &str, context: &Value) -> Result<ConditionAnswer, ConditionFault> {
    compile(expression, declared).evaluate(context.as_object(), None, 10_000)
}

#[track_caller]
fn holds(expression: &str) {
    let found = evaluate(expression, "", &json!({}));
    assert!(matches!(found, Ok(ConditionAnswer { holds: true, .. })), "{expression}: {found:?}");
}

#[track_caller]
fn fails(expression: &str) {
    let found = evaluate(expression, "", &json!({}));
    assert!(matches!(found, Err(ConditionFault::Failed(_))), "{expression}: {found:?}");
}

#[track_caller]
fn refused(expression: &str, declared: &str, message: &str) {
    match Condition::compile(expression, parameters(declared)) {
        Ok(_) => panic!("{expression} compiles"),
        Err(error) => assert_eq!(error.to_string(), message, "{expression}\n{}", error.snippet()),
    }
}

#[test]
fn fga_conditions_literals_and_operators_give_cels_values() {
    for expression in [
        "1 + 2 * 3 == 7 && (1 + 2) * 3 == 9 && 7 - 4 - 2 == 1",
        "-7 / 2 == -3 && -7 % 3 == -1 && 7u / 2u == 3u && 7.0 / 2.0 == 3.5",
        "-9223372036854775808 < 0 && 9223372036854775807 > 0 && 18446744073709551615u > 0u",
        "0x1F == 31 && 0xffu == 255u && 1e3 == 1000.0 && .5 == 0.5 && 1.5e-1 == 0.15 && - 1 == -1",
        "!false && !!true && --1 == 1 && -(-1) == 1",
        "'a' < 'b' && 'a' + 'b' == 'ab' && \"it's\" == 'it\\'s' && 'é' == '\\u00e9' && '\\x41\\101' == 'AA'",
        "r'\\n' == '\\\\n' && '''a\nb''' == 'a\\nb' && b'é' == b'\\xc3\\xa9' && R\"\\\" == '\\\\'",
        "[1, 2] + [3] == [1, 2, 3] && [1, 2][1] == 2 && [1, 2] != [2, 1] && 2 in [1, 2] && !(3 in [1, 2])",
        "{'a': 1, 'b': 2}['b'] == 2 && {'a': 1}.a == 1 && 'a' in {'a': 1} && {'a': 1} == {'a': 1}",
        "{1: 'x', 2: 'y'}[2] == 'y' && {true: 1}[true] == 1 && {1u: 2}[1u] == 2",
        "true ? 1 == 1 : 1 / 0 == 1",
        "false ? true : false ? false : true",
        "dyn(1) == dyn(1.0) && dyn(1) == dyn(1u) && dyn(1u) < dyn(1.5) && dyn(2) >= dyn(1.5)",
        "dyn(1) != dyn('1') && dyn([1]) == dyn([1.0]) && dyn(null) == null",
        "dyn(9007199254740993) != dyn(9007199254740992.0)",
        "1 in [dyn(1.0)] && dyn(1.0) in {1: 2}",
        "true > false && b'a' < b'b'",
        "0.0 / 0.0 != 0.0 / 0.0 && 1.0 / 0.0 > 1.0e308",
        "// nothing\n true // here",
    ] {
        holds(expression);
    }
}

#[test]
fn fga_conditions_functions_give_cels_values() {
    for expression in [
        "size('né') == 2 && 'né'.size() == 2 && size(b'né') == 3 && size([1, 2]) == 2 && {'a': 1}.size() == 1",
        "'abc'.contains('b') && 'abc'.startsWith('ab') && 'abc'.endsWith('bc') && !'abc'.contains('x')",
        "'abc'.matches('^a.c$') && matches('abc', 'b') && !'ABC'.matches('abc') && 'ABC'.matches('(?i)abc')",
        "int('42') == 42 && int(2.9) == 2 && int(-2.9) == -2 && int(3u) == 3 && int('-7') == -7",
        "uint(3) == 3u && uint(2.9) == 2u && uint('7') == 7u && double(3) == 3.0 && double('1.5') == 1.5",
        "string(1) == '1' && string(1.5) == '1.5' && string(true) == 'true' && string(b'a') == 'a'",
        "string(1000000.0) == '1e+06' && string(0.0001) == '0.0001' && string(0.00001) == '1e-05'",
        "bool('true') && !bool('False') && bytes('a') == b'a'",
        "type(1) == int && type('a') == string && type([]) == list && type(int) == type && type(null) == null_type",
        "type(duration('1s')) == google.protobuf.Duration",
        "duration('1h30m') == duration('90m') && duration('1h') > duration('59m')",
        "duration('90m').getHours() == 1 && duration('90s').getMinutes() == 1 && duration('1.5s').getSeconds() == 1",
        "duration('1.5s').getMilliseconds() == 1500 && int(duration('1us')) == 1000",
        "string(duration('1h')) == '3600s'",
        "timestamp('2023-05-03T21:25:20Z') + duration('1h') == timestamp('2023-05-03T22:25:20Z')",
        "duration('1h') + timestamp('2023-05-03T21:25:20Z') > timestamp('2023-05-03T21:25:20Z')",
        "timestamp('2023-05-03T21:25:20Z') - timestamp('2023-05-03T20:25:20Z') == duration('1h')",
        "timestamp('2023-05-03T21:25:20Z') - duration('1h') == timestamp('2023-05-03T20:25:20Z')",
        "timestamp('2023-05-03T21:25:20+02:00') == timestamp('2023-05-03T19:25:20Z')",
        "timestamp('2023-05-03T21:25:20.25Z').getFullYear() == 2023 && timestamp(0).getMonth() == 0",
        "timestamp('2023-05-03T21:25:20Z').getDate() == 3 && timestamp('2023-05-03T21:25:20Z').getDayOfMonth() == 2",
        "timestamp('2023-05-03T21:25:20Z').getDayOfWeek() == 3 && timestamp('2023-05-03T21:25:20Z').getDayOfYear() == 122",
        "timestamp('2023-05-03T21:25:20.25Z').getMilliseconds() == 250",
        "timestamp('2023-05-03T21:25:20Z').getHours('+02:00') == 23",
        "timestamp('2023-05-03T21:25:20Z').getHours('-02:30') == 18",
        "timestamp('2023-05-03T21:25:20Z').getHours('America/New_York') == 17",
        "int(timestamp('1970-01-01T00:01:00Z')) == 60 && string(timestamp(60)) == '1970-01-01T00:01:00Z'",
        "timestamp('2023-05-03T21:25:20Z') != null",
        "ipaddress('192.168.0.1').in_cidr('192.168.0.0/24') && !ipaddress('10.0.0.1').in_cidr('192.168.0.0/24')",
        "ipaddress('::ffff:10.0.0.1').in_cidr('10.0.0.0/8') && ipaddress('::1') == ipaddress('0:0::1')",
    ] {
        holds(expression);
    }
}

#[test]
fn fga_conditions_macros_go_over_lists_and_maps() {
    for expression in [
        "[1, 2].all(x, x > 0) && ![1, 2].all(x, x > 1) && [].all(x, false)",
        "[1, 2].exists(x, x > 1) && ![1, 2].exists(x, x > 2) && ![].exists(x, true)",
        "[1, 2].exists_one(x, x > 1) && ![1, 2].exists_one(x, x > 0)",
        "[1, 2].map(x, x * 2) == [2, 4] && [1, 2].map(x, x > 1, x * 2) == [4] && [1, 2].filter(x, x > 1) == [2]",
        "{'a': 1}.all(k, k == 'a') && {'a': 1}.exists(k, {'a': 1}[k] == 1) && {'b': 1}.map(k, k) == ['b']",
        "[[1], [2]].all(xs, xs.all(x, x > 0)) && [1].all(x, [2].all(x, x == 2))",
        "has({'a': 1}.a) && !has({'a': 1}.b) && !has(dyn(1).a)",
        "[1, 2].map(x, [x, x]).map(y, y[0]) == [1, 2]",
    ] {
        holds(expression);
    }
}

#[test]
fn fga_conditions_a_failure_is_forgiven_where_the_other_side_decides() {
    for expression in [
        "1 / 0 == 1 || true",
        "true || 1 / 0 == 1",
        "!(1 / 0 == 1 && false)",
        "!(false && 1 / 0 == 1)",
        "[0, 1].exists(x, 1 / x == 1)",
        "![0, 1].all(x, 1 / x == 2)",
        "1 / 0 == 1 || 2 / 0 == 1 || true",
    ] {
        holds(expression);
    }
    for expression in [
        "1 / 0 == 1 || false",
        "1 / 0 == 1 && true",
        "[0, 1].all(x, 1 / x == 1)",
        "[0, 1].exists(x, 1 / x == 2)",
        "[0, 1].exists_one(x, 1 / x == 1)",
        "(1 / 0 == 1 ? true : true)",
        "dyn('a') && dyn(true)",
    ] {
        fails(expression);
    }
}

#[test]
fn fga_conditions_what_has_no_value_fails() {
    for expression in [
        "9223372036854775807 + 1 > 0",
        "-9223372036854775808 - 1 < 0",
        "9223372036854775807 * 2 > 0",
        "-(-9223372036854775808) > 0",
        "-9223372036854775808 / -1 > 0",
        "-9223372036854775808 % -1 == 0",
        "18446744073709551615u + 1u > 0u",
        "1u - 2u > 0u",
        "1 / 0 == 1",
        "1 % 0 == 1",
        "1u / 0u == 1u",
        "[1][1] == 1",
        "[1][-1] == 1",
        "{'a': 1}['b'] == 1",
        "{'a': 1}.b == 1",
        "{'a': 1, 'a': 2} == {}",
        "timestamp('9999-12-31T23:59:59Z') + duration('1s') > timestamp(0)",
        "timestamp('9999-12-31T23:59:59Z') - timestamp('0001-01-01T00:00:00Z') > duration('1s')",
        "duration('2562047h') + duration('1h') > duration('1s')",
        "timestamp(0).getHours('Nowhere/Here') == 0",
        "ipaddress('192.168.0').in_cidr('192.168.0.0/24')",
        "ipaddress('192.168.0.1').in_cidr('192.168.0.0')",
        "dyn(1) + dyn(1.0) == 2.0",
        "dyn(1) < dyn('a')",
        "dyn(1).a == 1",
        "dyn('a')[0] == 'a'",
        "dyn(0.0) / dyn(0.0) < 1.0",
    ] {
        fails(expression);
    }
}

#[test]
fn fga_conditions_constants_are_converted_before_any_evaluation() {
    for expression in [
        "int('x') == 1",
        "int(1e19) == 1",
        "int(9223372036854775807.0) == 1",
        "int(18446744073709551615u) == 1",
        "uint(-1) == 1u",
        "uint('+1') == 1u",
        "double('1e999') == 1.0",
        "bool('yes')",
        "string(b'\\xff') == ''",
        "duration('1') == duration('1s')",
        "timestamp('now') == timestamp(0)",
        "timestamp(253402300800) > timestamp(0)",
        "'a'.matches('(')",
        "false && bool('yes')",
    ] {
        let found = Condition::compile(expression, []);
        assert!(found.is_err(), "{expression}");
    }
    fails("int(['x'][0]) == 1");
}

#[test]
fn fga_conditions_types_are_checked_before_any_evaluation() {
    let at = |message: &str, column: usize| format!("{message} (line 1, column {column} of the expression)");
    for (expression, declared, message, column) in [
        ("x", "", "`x` is not declared", 1),
        ("x < 100.0", "x: int", "operator `<` does not take int and double", 3),
        ("x == 1", "x: string", "operator `==` does not take string and int", 3),
        ("x + 1 == 2", "x: uint", "operator `+` does not take uint and int", 3),
        ("x", "x: string", "expression gives `string`, a condition must give `bool`", 1),
        ("x", "x: any", "expression gives `dyn`, a condition must give `bool`", 1),
        ("true && 1", "", "expected type `bool`, found `int`", 9),
        ("x.a == 1", "x: string", "type `string` has no fields", 3),
        ("ipaddress(true).in_cidr('1')", "", "function `ipaddress` does not take (bool)", 10),
        ("'a'.in_cidr('1')", "", "`string` has no function `in_cidr(string)`", 12),
        ("true ? 1 : 'a'", "", "both values of `?:` must have one type, found `int` and `string`", 6),
        ("xs.all(x, x > 'a')", "xs: list<int>", "operator `>` does not take int and string", 13),
        ("x.all(y, true)", "x: int", "cannot go over a value of type `int`", 1),
        ("'a' in xs", "xs: list<int>", "operator `in` does not take string and list(int)", 5),
        ("xs['a'] == 1", "xs: list<int>", "operator `[]` does not take list(int) and string", 3),
        ("foo(1)", "", "there is no function `foo`", 4),
        ("1.foo()", "", "there is no function `foo`", 6),
        ("x == null", "x: string", "operator `==` does not take string and null", 3),
        ("for == 1", "", "`for` is a reserved word", 1),
        ("xs.all(1, true)", "xs: list<int>", "`all` takes a simple name first", 8),
        ("has(x)", "x: any", "`has` takes a selection such as `a.b`", 4),
        ("1 +", "", "expected a value, found the end", 4),
        ("", "", "expected a value, found the end", 1),
        ("'a", "", "expression has an unbalanced bracket or an unterminated string literal", 1),
        ("9223372036854775808 > 0", "", "number is out of the range of `int`", 1),
        ("18446744073709551616u > 0u", "", "number is out of the range of `uint`", 1),
        ("'\\q' == ''", "", "`\\q` is no escape", 2),
        ("a # b", "", "`#` is no part of an expression", 3),
        ("google.protobuf.Duration{} == 1", "", "expected the end of the expression, found `{`", 25),
        ("T{} == 1", "", "messages such as `T{}` are not supported", 1),
        ("!1", "", "operator `!` does not take int", 1),
        ("-'a' == ''", "", "operator `-` does not take string", 1),
    ] {
        refused(expression, declared, &at(message, column));
    }
    let error = Condition::compile("a &&\n  b > 1", parameters("a: bool, b: string")).unwrap_err();
    assert_eq!((error.line, error.column), (2, 5));
    assert_eq!(error.snippet(), "  b > 1\n    ^");
}

#[test]
fn fga_conditions_types_of_lists_and_unknown_values_are_found() {
    for (expression, declared) in [
        ("x == 1 && x > 0.5", "x: any"),
        ("x.a.b == 'c' && x['d'] > 1", "x: any"),
        ("x.a > 1", "x: map<int>"),
        ("xs.exists(x, x.startsWith('a'))", "xs: list<string>"),
        ("xs.map(x, x + 1).all(y, y > 1)", "xs: list<int>"),
        ("[] == xs", "xs: list<int>"),
        ("[1, 'a', 2.0].exists(x, x == 'a')", ""),
        ("[[], [1]] == [[1], []]", ""),
        ("{} == x", "x: map<string>"),
        ("x.y", "x: map<bool>"),
        ("[].all(x, x.a)", ""),
        ("(b ? [] : xs) == [1]", "b: bool, xs: list<int>"),
        ("xs.all(m, m.a == 1)", "xs: list<map<int>>"),
        ("type(x) == string", "x: any"),
        ("ts == null || ip == null", "ts: timestamp, ip: ipaddress"),
        (".x && [x].all(x, .x && x)", "x: bool"),
        ("bool", "bool: bool"),
    ] {
        compile(expression, declared);
    }
}

#[test]
fn fga_conditions_context_of_the_tuple_comes_before_that_of_the_request() {
    let condition = compile("x > 10 || y > 10", "x: int, y: int");
    let (request, tuple) = (json!({"x": 5, "y": 1, "z": "unknown"}), json!({"x": 20}));
    let answer = |request: &Value, tuple: &Value| {
        condition
            .evaluate(request.as_object(), tuple.as_object(), CONDITION_COST_MAX)
            .map(|answer| answer.holds)
    };
    assert_eq!(answer(&request, &tuple), Ok(true));
    assert_eq!(answer(&tuple, &request), Ok(false));
    let missing = |names: &[&str]| ConditionFault::Missing {
        parameters: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    assert_eq!(answer(&tuple, &json!(null)), Err(missing(&["y"])));
    assert_eq!(answer(&json!(null), &json!(null)), Err(missing(&["x", "y"])));
    assert_eq!(missing(&["x", "y"]).to_string(), "context has no value for `x`, `y`");
    let wrong = answer(&json!({"x": 20, "y": "a"}), &json!({})).unwrap_err();
    assert_eq!(wrong.to_string(), "parameter `y` takes a whole number (int), found the text `a`");
    let bare = compile("true", "");
    assert_eq!(
        bare.evaluate(request.as_object(), None, CONDITION_COST_MAX),
        Err(ConditionFault::Context(ContextError::NoParameters))
    );
    assert!(bare.evaluate(json!({}).as_object(), None, CONDITION_COST_MAX).is_ok());
}

#[test]
fn fga_conditions_context_of_a_tuple_holds_declared_keys_only() {
    let condition = compile("x > 10 && y > 10", "x: int, y: int");
    let check = |context: Value| condition.check_context(context.as_object().unwrap());
    assert_eq!(check(json!({"x": 1})), Ok(()));
    assert_eq!(check(json!({})), Ok(()));
    assert_eq!(check(json!({"z": 1})), Err(ContextError::Undeclared { key: "z".to_owned() }));
    assert!(matches!(check(json!({"x": "a"})), Err(ContextError::WrongValue { .. })));
    let bare = compile("true", "");
    assert_eq!(bare.check_context(json!({"x": 1}).as_object().unwrap()), Err(ContextError::NoParameters));
}

#[track_caller]
fn costs(expression: &str, declared: &str, context: Value, want: u64) {
    let condition = compile(expression, declared);
    let found = condition.evaluate(context.as_object(), None, 100_000).unwrap();
    assert_eq!(found.cost, want, "{expression}");
    assert!(condition.evaluate(context.as_object(), None, want).is_ok(), "{expression}");
    if let Some(less) = want.checked_sub(1) {
        let over = condition.evaluate(context.as_object(), None, less);
        assert_eq!(over, Err(ConditionFault::CostExceeded { limit: less }), "{expression}");
    }
}

#[test]
fn fga_conditions_cost_what_they_cost_in_openfga() {
    costs("x < y", "x: int, y: int", json!({"x": 1, "y": 2}), 3);
    costs("'d' in xs", "xs: list<string>", json!({"xs": ["a", "b", "c"]}), 4);
    costs("x == y", "x: string, y: string", json!({"x": "ab", "y": "ab"}), 3);
    costs("x == y", "x: string, y: string", json!({"x": "", "y": "ab"}), 2);
    costs("true", "", json!({}), 0);
    costs("m['key'] == 'v'", "m: map<string>", json!({"m": {"key": "v"}}), 3);
    costs("xs[0] == 'v'", "xs: list<string>", json!({"xs": ["v"]}), 3);
    costs("m['ke' + 'y'] == 'v'", "m: map<string>", json!({"m": {"key": "v"}}), 4);
    costs("has(m.a)", "m: map<string>", json!({"m": {}}), 2);
    costs("has(m.a.b)", "m: map<any>", json!({"m": {"a": {}}}), 3);
    costs("[1, 2, 3] != []", "", json!({}), 0);
    costs("[x] != []", "x: int", json!({"x": 1}), 11);
    costs("{'a': 1} != {}", "", json!({}), 0);
    costs("{'a': x} != {}", "x: int", json!({"x": 1}), 31);
    costs("xs.all(x, true)", "xs: list<int>", json!({"xs": []}), 2);
    costs("[1, 2, 3].all(x, true)", "", json!({}), 10);
    costs(
        "a || b || c || d",
        "a: bool, b: bool, c: bool, d: bool",
        json!({"a": false, "b": false, "c": false, "d": false}),
        4,
    );
    costs("2 in [1, 2, 3]", "", json!({}), 0);
    costs("x in [1, 2, 3]", "x: int", json!({"x": 1}), 1);
    costs("x in [1, x, 3]", "x: int", json!({"x": 1}), 15);
    costs("x in []", "x: int", json!({"x": 1}), 0);
    costs("int('5') == x", "x: int", json!({"x": 1}), 2);
    costs("(1 > 2 || 2 > 1) == true", "", json!({}), 3);
    costs("(1 > 2 ? 5 : 3) > 1", "", json!({}), 2);
    costs(
        "(x > 2 ? a : b).all(y, true)",
        "x: int, a: list<int>, b: list<int>",
        json!({"x": 1, "a": [1], "b": [1]}),
        6,
    );
    costs("[{'k1': 1}, {'k2': 2}].all(x, true)", "", json!({}), 7);
    costs("(a + b).all(x, true)", "a: list<int>, b: list<int>", json!({"a": [], "b": []}), 4);
    costs("'abcdefg'.contains(a + b)", "a: string, b: string", json!({"a": "val1", "b": "val2222222"}), 6);
    costs("x.matches('[0-9]')", "x: string", json!({"x": "a".repeat(500)}), 103);
    costs("'12345678901234567890' == '123456789012345678901234567890'", "", json!({}), 2);
    costs("m.all(k, m[k].a > 3)", "m: map<any>", json!({"m": {"v": {"a": 4}}}), 9);
    costs("m.exists(k, k == 'a')", "m: map<int>", json!({"m": {"a": 1}}), 8);
    costs("xs.map(i, i * 2).size() > 0", "xs: list<int>", json!({"xs": [1]}), 18);
    costs("xs.map(i, 1).size() > 0", "xs: list<int>", json!({"xs": [1]}), 6);
    costs("xs.filter(i, true).size() > 0", "xs: list<int>", json!({"xs": [1]}), 17);
    costs("false ? false : 1 > 3", "", json!({}), 1);
    let long: Vec<String> = (0..100).map(|i| i.to_string()).collect();
    let over = compile("'x' in xs", "xs: list<string>").evaluate(json!({"xs": long}).as_object(), None, 100);
    assert_eq!(over, Err(ConditionFault::CostExceeded { limit: 100 }));
}

#[test]
fn fga_conditions_hostile_expressions_end_in_an_error() {
    let sum = format!("1{} > 0", "+1".repeat(240));
    assert!(compile(&sum, "").evaluate(None, None, 10_000).is_ok_and(|answer| answer.holds));
    let path = format!("x{} == 1 || true", ".a".repeat(240));
    let nested = (0..3).fold(json!(1), |inner, _| json!({ "a": inner }));
    let answer = compile(&path, "x: any").evaluate(json!({ "x": nested }).as_object(), None, 10_000);
    assert!(answer.is_ok_and(|answer| answer.holds));
    for expression in [
        "(".repeat(10_000),
        "[".repeat(64),
        format!("{}1{} == 1", "[".repeat(65), "]".repeat(65)),
        format!("1{} > 0", "+1".repeat(900)),
        format!("x{} == 1", ".a".repeat(900)),
        format!("{}true", "true?true:".repeat(400)),
        format!("[1]{} == []", ".map(a, {a: a})".repeat(40)),
        "x".repeat(20_000),
        "é == 1".to_owned(),
        "x == 1 é".to_owned(),
        ".é".to_owned(),
        "'\\é'".to_owned(),
        "'\\xé'".to_owned(),
    ] {
        let found = Condition::compile(&expression, parameters("x: any"));
        let start: String = expression.chars().take(40).collect();
        assert!(found.is_err(), "{start}");
    }
    let doubled = compile(&format!("[1]{} == []", ".map(a, [a, a, a, a])".repeat(20)), "");
    let answer = doubled.evaluate(None, None, u64::MAX);
    assert!(matches!(answer, Ok(_) | Err(ConditionFault::CostExceeded { .. })), "{answer:?}");
    let joined = compile(&format!("({}).size() > 0", vec!["xs"; 60].join("+")), "xs: list<int>");
    let context = json!({"xs": vec![1; 50_000]});
    assert_eq!(
        joined.evaluate(context.as_object(), None, 100),
        Err(ConditionFault::CostExceeded { limit: 100 })
    );
}
