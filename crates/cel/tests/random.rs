//! Random texts made of CEL's own pieces: whatever they are, they end in a value or an error, and soon.

use std::time::Instant;

use mesh_cel::{
    Budget, CelEngine, CompileError, Environment, EvaluationError, Input, KubernetesCel, Shape, StackError,
};
use serde_json::json;

/// A small generator, so that a finding repeats.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

const VALUES: [&str; 26] = [
    "self",
    "self.a",
    "self.l",
    "self.m",
    "self.s",
    "self.n",
    "self.f",
    "1",
    "0",
    "-1",
    "9223372036854775807",
    "1.5",
    "2u",
    "'x'",
    "'é'",
    "''",
    "b'ab'",
    "true",
    "null",
    "[]",
    "[1, 'a']",
    "{}",
    "{'k': 1}",
    "duration('1h')",
    "timestamp('2024-01-01T00:00:00Z')",
    "quantity('1Gi')",
];
const OPERATORS: [&str; 14] = ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in"];
const METHODS: [&str; 58] = [
    "size()",
    "contains('a')",
    "startsWith('a')",
    "endsWith('')",
    "matches('a+')",
    "matches('(')",
    "find('')",
    "findAll('', 2)",
    "charAt(0)",
    "charAt(-1)",
    "indexOf('')",
    "lastIndexOf('', 1)",
    "lowerAscii()",
    "upperAscii()",
    "replace('', 'b')",
    "replace('a', 'b', -1)",
    "split('')",
    "split('', 0)",
    "split('a', 1)",
    "substring(1)",
    "substring(2, 1)",
    "substring(-1)",
    "trim()",
    "join()",
    "join(',')",
    "isSorted()",
    "sum()",
    "min()",
    "max()",
    "all(x, x > 0)",
    "exists(x, x == 1)",
    "exists_one(x, true)",
    "map(x, [x, x])",
    "filter(x, x)",
    "map(x, x, x)",
    "all(i, v, i == v)",
    "transformList(i, v, v)",
    "transformMap(k, v, v)",
    "sortBy(x, x)",
    "hasValue()",
    "value()",
    "orValue(1)",
    "optMap(x, x)",
    "getHours()",
    "getFullYear('+01:30')",
    "getMonth('Nowhere')",
    "isLessThan(1)",
    "format([1, 2])",
    "reverse()",
    "distinct()",
    "flatten()",
    "slice(0, 1)",
    "first()",
    "sub(1)",
    "family()",
    "major()",
    "?a",
    "getHost()",
];
const FUNCTIONS: [&str; 22] = [
    "size",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "bytes",
    "type",
    "dyn",
    "duration",
    "timestamp",
    "optional.of",
    "optional.ofNonZeroValue",
    "url",
    "ip",
    "cidr",
    "semver",
    "quantity",
    "lists.range",
    "math.abs",
    "math.least",
    "base64.encode",
];

fn expression(dice: &mut Dice, depth: usize) -> String {
    let value = VALUES[dice.below(VALUES.len())].to_owned();
    if depth == 0 {
        return value;
    }
    let inner = expression(dice, depth - 1);
    match dice.below(8) {
        0 => value,
        1 | 2 => {
            format!("({inner} {} {})", OPERATORS[dice.below(OPERATORS.len())], expression(dice, depth - 1))
        }
        3 | 4 => format!("{inner}.{}", METHODS[dice.below(METHODS.len())]),
        5 => format!("{}({inner})", FUNCTIONS[dice.below(FUNCTIONS.len())]),
        6 => format!("({inner} ? {} : {})", expression(dice, depth - 1), value),
        _ => format!("{inner}[{}]", expression(dice, depth - 1)),
    }
}

#[test]
fn random_expressions_end_in_a_value_or_an_error() {
    let started = Instant::now();
    let environment = Environment::new().with("self", Shape::dynamic());
    let object = json!({"a": 3, "l": [1, 2, 3], "m": {"a": "b"}, "s": "aéa", "n": null, "f": 0.5});
    let mut dice = Dice(0x5eed_1234_5678_9abc);
    let mut values = 0;
    for round in 0..4000 {
        let depth = 1 + round % 5;
        let text = expression(&mut dice, depth);
        match KubernetesCel.compile(&text, &environment) {
            Ok(program) => match program.evaluate(&[Input::Json(&object)], &mut Budget::default()) {
                Ok(_) => values += 1,
                Err(EvaluationError::Stack(error)) => panic!("{text}: {error}"),
                Err(_) => {}
            },
            Err(CompileError::Stack(StackError::Failed | StackError::Slow)) => panic!("{text}"),
            Err(_) => {}
        }
    }
    assert!(values > 200, "{values} of the expressions have a value");
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[test]
fn random_bytes_are_no_expressions_and_do_no_harm() {
    const PIECES: [&str; 24] = [
        "(", ")", "[", "]", "{", "}", "'", "\"", "'''", "\\", ".", ",", "?", ":", "//", "\n", "a", "1", "0x",
        "r'", "b\"", "&&", "!", "-",
    ];
    let environment = Environment::new().with("self", Shape::dynamic());
    let mut dice = Dice(42);
    for _ in 0..1500 {
        let length = 1 + dice.below(24);
        let text: String = (0..length).map(|_| PIECES[dice.below(PIECES.len())]).collect();
        if let Err(CompileError::Stack(error)) = KubernetesCel.compile(&text, &environment) {
            panic!("{text:?}: {error}");
        }
    }
}
