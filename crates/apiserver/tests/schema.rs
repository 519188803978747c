//! Structural schemas: cases as users write them, and schemas meant to break the server.

use std::time::Instant;

use apiserver::schema::StructuralSchema;
use serde_json::{Value, json};

#[track_caller]
fn schema(json: Value) -> StructuralSchema {
    StructuralSchema::parse(&json, "s").unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn spec(json: Value) -> StructuralSchema {
    schema(json!({"type": "object", "properties": {"spec": json}}))
}

fn errors(schema: &StructuralSchema, object: Value) -> Vec<String> {
    schema.validate(&object, None).iter().map(ToString::to_string).collect()
}

#[test]
fn dev_04_11_values_are_refused_in_the_words_of_kubernetes() {
    let cases = [
        (
            json!({"type": "integer"}),
            json!("a"),
            "spec: Invalid value: \"string\": spec in body must be of type integer: \"string\"",
        ),
        (
            json!({"type": "integer", "minimum": 1}),
            json!(0),
            "spec: Invalid value: 0: spec in body should be greater than or equal to 1",
        ),
        (
            json!({"type": "integer", "maximum": 5, "exclusiveMaximum": true}),
            json!(5),
            "spec: Invalid value: 5: spec in body should be less than 5",
        ),
        (
            json!({"type": "integer", "multipleOf": 3}),
            json!(4),
            "spec: Invalid value: 4: spec in body should be a multiple of 3",
        ),
        (
            json!({"type": "integer", "format": "int32"}),
            json!(5_000_000_000_i64),
            "spec: Invalid value: 5000000000: spec in body must be of type int32: 5000000000",
        ),
        (
            json!({"type": "string", "minLength": 2}),
            json!("a"),
            "spec: Invalid value: \"a\": spec in body should be at least 2 chars long",
        ),
        (
            json!({"type": "string", "maxLength": 2}),
            json!("abc"),
            "spec: Too long: may not be more than 2 bytes",
        ),
        (
            json!({"type": "string", "pattern": "^[a-z]+$"}),
            json!("A"),
            "spec: Invalid value: \"A\": spec in body should match '^[a-z]+$'",
        ),
        (
            json!({"type": "string", "format": "date-time"}),
            json!("x"),
            "spec: Invalid value: \"x\": spec in body must be of type date-time: \"x\"",
        ),
        (
            json!({"type": "string", "enum": ["a", "b"]}),
            json!("c"),
            "spec: Unsupported value: \"c\": supported values: \"a\", \"b\"",
        ),
        (
            json!({"type": "array", "items": {"type": "string"}, "maxItems": 1}),
            json!(["a", "b"]),
            "spec: Too many: 2: must have at most 1 item",
        ),
        (
            json!({"type": "array", "items": {"type": "string"}, "minItems": 1}),
            json!([]),
            "spec: Invalid value: 0: spec in body should have at least 1 items",
        ),
        (
            json!({"type": "array", "items": {"type": "string"}}),
            json!([1]),
            "spec[0]: Invalid value: \"integer\": spec[0] in body must be of type string: \"integer\"",
        ),
        (
            json!({"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"}),
            json!(["a", "a"]),
            "spec[1]: Duplicate value: \"a\"",
        ),
        (
            json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}),
            json!({}),
            "spec.a: Required value",
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"k": 1}),
            "spec.k: Invalid value: \"integer\": spec.k in body must be of type string: \"integer\"",
        ),
        (
            json!({"x-kubernetes-int-or-string": true}),
            json!([]),
            "spec: Invalid value: \"array\": spec in body must be of type integer,string: \"array\"",
        ),
        (
            json!({"type": "string"}),
            json!(null),
            "spec: Invalid value: \"null\": spec in body must be of type string: \"null\"",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}),
            json!({"a": "", "b": ""}),
            "<nil>: Invalid value: \"\": \"spec\" must validate one and only one schema (oneOf). Found 2 valid alternatives",
        ),
        (
            json!({"type": "integer", "not": {"enum": [3]}}),
            json!(3),
            "<nil>: Invalid value: \"\": \"spec\" must not validate the schema (not)",
        ),
    ];
    for (json, value, want) in cases {
        let schema = spec(json);
        assert_eq!(errors(&schema, json!({"spec": value})), [want]);
    }
    let fine = [
        (json!({"x-kubernetes-int-or-string": true}), json!("50%")),
        (json!({"type": "integer"}), json!(1.0)),
        (json!({"type": "number"}), json!(1)),
        (json!({"type": "string", "nullable": true}), json!(null)),
        (json!({"type": "string", "format": "unheard-of"}), json!("x")),
        (
            json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}], "pattern": "^\\d+%$"}),
            json!("5%"),
        ),
    ];
    for (json, value) in fine {
        assert_eq!(errors(&spec(json), json!({"spec": value})), Vec::<String>::new());
    }
}

#[test]
fn dev_04_11_schemas_that_are_not_structural_are_refused_with_their_path() {
    let cases = [
        (json!({}), "s.type: Required value: must not be empty at the root"),
        (json!({"type": "string"}), "s.type: Invalid value: \"string\": must be object at the root"),
        (
            json!({"type": "object", "properties": {"a": {}}}),
            "s.properties[a].type: Required value: must not be empty for specified object fields",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "array"}}}),
            "s.properties[a].items: Required value: must be specified",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "array", "items": {}}}}),
            "s.properties[a].items.type: Required value: must not be empty for specified array items",
        ),
        (
            json!({"type": "object", "properties": {"a": {"$ref": "#/x", "type": "object"}}}),
            "s.properties[a].$ref: Forbidden: $ref is not supported",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}}),
            "s.properties[a].pattern: Invalid value: \"(\": must be a valid regular expression, but isn't: unclosed group",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "object", "properties": {"x": {"type": "string"}}, "additionalProperties": true}}}),
            "s.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive",
        ),
        (
            json!({"type": "object", "anyOf": [{"properties": {"b": {}}}]}),
            "s.properties[b]: Required value: because it is defined in s.anyOf[0].properties[b]",
        ),
        (
            json!({"type": "object", "anyOf": [{"type": "object"}]}),
            "s.anyOf[0].type: Forbidden: must be empty to be structural",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string", "default": 1}}}),
            "s.properties[a].default: Invalid value: \"integer\": s.properties[a].default in body must be of type string: \"integer\"",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "string"}}}, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["n"]}}}),
            "s.properties[a].items.properties[n].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string", "uniqueItems": true}}}),
            "s.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
        ),
        (
            json!({"type": "object", "properties": {"metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}}}),
            "s.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified",
        ),
        (
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": false}),
            "s.x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "x-kubernetes-validations": [{"rule": "self.b == ''"}]}),
            "s.x-kubernetes-validations[0].rule: Invalid value: \"self.b == ''\": compilation failed: ERROR: <input>: undefined field 'b'",
        ),
        (
            json!({"type": "object", "x-kubernetes-validations": [{"rule": "'a'"}]}),
            "s.x-kubernetes-validations[0].rule: Invalid value: \"'a'\": cel expression must evaluate to a bool",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}}}}),
            "s.properties[a].items.x-kubernetes-validations[0].rule: Invalid value: \"self == oldSelf\": oldSelf cannot be used on the uncorrelatable portion of the schema within s.properties[a]",
        ),
    ];
    for (json, want) in cases {
        let found = StructuralSchema::parse(&json, "s").map(|_| ()).expect_err(want);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert!(found.contains(&want.to_owned()), "want {want}\nfound {found:#?}");
    }
}

#[test]
fn dev_04_11_unknown_fields_are_named_and_pruned_and_defaults_filled() {
    let schema = spec(json!({
        "type": "object",
        "properties": {
            "size": {"type": "integer", "default": 3},
            "nested": {"type": "object", "default": {}, "properties": {"on": {"type": "boolean", "default": true}}},
            "list": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "string"}, "p": {"type": "string", "default": "TCP"}}}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"known": {"type": "object"}}},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "template": {"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true},
        },
    }));
    let mut object = json!({
        "apiVersion": "v1", "kind": "X", "metadata": {"name": "a", "colour": 1},
        "spec": {
            "size": null, "odd": 1, "list": [{"n": "a", "x": 1}], "free": {"a": {"b": 1}, "known": {"x": 1}},
            "labels": {"k": "v"},
            "template": {"apiVersion": "v1", "kind": "Y", "metadata": {"name": "b", "odd": 1}, "data": 1},
        },
    });
    assert_eq!(
        schema.unknown_fields(&object),
        ["metadata.colour", "spec.free.known.x", "spec.list[0].x", "spec.odd", "spec.template.metadata.odd"]
    );
    schema.prune(&mut object);
    schema.default(&mut object);
    assert_eq!(
        object,
        json!({
            "apiVersion": "v1", "kind": "X", "metadata": {"name": "a"},
            "spec": {
                "size": 3, "nested": {"on": true}, "list": [{"n": "a", "p": "TCP"}], "free": {"a": {"b": 1}, "known": {}},
                "labels": {"k": "v"},
                "template": {"apiVersion": "v1", "kind": "Y", "metadata": {"name": "b"}, "data": 1},
            },
        })
    );
    assert_eq!(schema.validate(&object, None), []);
}

#[test]
fn dev_04_11_cel_rules_hold_on_create_and_transition_rules_on_update() {
    let schema = schema(json!({
        "type": "object",
        "x-kubernetes-validations": [{"rule": "self.metadata.name != 'forbidden'", "message": "bad name", "reason": "FieldValueForbidden", "fieldPath": ".metadata.name"}],
        "properties": {"spec": {
            "type": "object",
            "properties": {
                "min": {"type": "integer"},
                "max": {"type": "integer"},
                "fixed": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "fixed is immutable"}]},
                "once": {"type": "string", "x-kubernetes-validations": [{"rule": "!oldSelf.hasValue() || oldSelf.value() == self", "optionalOldSelf": true}]},
                "ports": {
                    "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                    "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "port": {"type": "integer",
                        "x-kubernetes-validations": [{"rule": "self >= oldSelf", "messageExpression": "'port went from ' + string(oldSelf) + ' to ' + string(self)"}]}}},
                },
            },
            "x-kubernetes-validations": [{"rule": "!has(self.min) || !has(self.max) || self.min <= self.max"}],
        }},
    }));
    let object = |spec: Value| json!({"metadata": {"name": "a"}, "spec": spec});
    let check = |new: Value, old: Option<Value>| -> Vec<String> {
        schema.validate(&new, old.as_ref()).iter().map(ToString::to_string).collect()
    };
    let bad = object(json!({"min": 5, "max": 1}));
    let rule = "spec: Invalid value: \"object\": failed rule: !has(self.min) || !has(self.max) || self.min <= self.max";
    assert_eq!(check(bad.clone(), None), [rule]);
    // Ratcheting: what was wrong before may stay as it is.
    let mut relabelled = bad.clone();
    relabelled["metadata"]["labels"] = json!({"a": "b"});
    assert_eq!(check(relabelled, Some(bad)), Vec::<String>::new());
    assert_eq!(
        check(object(json!({"fixed": "b"})), Some(object(json!({"fixed": "a"})))),
        ["spec.fixed: Invalid value: \"string\": fixed is immutable"]
    );
    assert_eq!(check(object(json!({"fixed": "b", "once": "x"})), None), Vec::<String>::new());
    assert_eq!(check(object(json!({"once": "y"})), Some(object(json!({"once": "x"})))).len(), 1);
    assert_eq!(
        check(
            object(json!({"ports": [{"name": "b", "port": 1}, {"name": "a", "port": 1}]})),
            Some(object(json!({"ports": [{"name": "a", "port": 2}]})))
        ),
        ["spec.ports[1].port: Invalid value: \"integer\": port went from 2 to 1"]
    );
    assert_eq!(
        check(json!({"metadata": {"name": "forbidden"}}), None),
        ["metadata.name: Forbidden: bad name"]
    );
    // Rules do not run over values of the wrong type.
    assert_eq!(check(object(json!({"min": "x"})), None).len(), 2);
}

#[test]
fn hostile_schemas_and_objects_end_in_errors_in_bounded_time() {
    let started = Instant::now();
    let mut deep = json!({"type": "object"});
    for _ in 0..110 {
        deep = json!({"type": "object", "properties": {"a": deep}});
    }
    assert!(StructuralSchema::parse(&deep, "s").is_err());
    for pattern in ["(((a{100}){100}){100}){100}".to_owned(), "(".repeat(10_000), "a".repeat(20_000)] {
        let json = json!({"type": "object", "properties": {"a": {"type": "string", "pattern": pattern}}});
        assert!(StructuralSchema::parse(&json, "s").is_err());
    }
    for rule in [
        "[".repeat(10_000),
        "self.all(x, ".repeat(70),
        "a".repeat(20_000),
        "1".to_owned() + &"+1".repeat(3000),
    ] {
        let json = json!({"type": "object", "x-kubernetes-validations": [{"rule": rule}]});
        assert!(StructuralSchema::parse(&json, "s").is_err());
    }
    let many: Vec<Value> = (0..2000).map(|_| json!({"rule": "true"})).collect();
    assert!(
        StructuralSchema::parse(&json!({"type": "object", "x-kubernetes-validations": many}), "s").is_err()
    );
    let bomb = spec(json!({
        "type": "array", "items": {"type": "integer"},
        "x-kubernetes-validations": [
            {"rule": "self.all(a, self.all(b, self.all(c, self.all(d, a + b + c + d >= 0))))", "message": "too slow"},
            {"rule": "self.size() > 0"},
        ],
    }));
    let found = errors(&bomb, json!({"spec": (0..500).collect::<Vec<i32>>()}));
    assert_eq!(
        found,
        [
            "spec: Invalid value: \"array\": no further validation rules will be run due to call cost exceeds limit for rule: too slow"
        ]
    );
    let wrong = spec(json!({"type": "array", "items": {"type": "string"}}));
    assert!(errors(&wrong, json!({"spec": (0..100_000).collect::<Vec<i32>>()})).len() <= 500);
    let branches: Vec<Value> = (0..5000).map(|i| json!({"items": {"enum": [format!("x{i}")]}})).collect();
    let many = spec(json!({"type": "array", "items": {"type": "string"}, "anyOf": branches}));
    let found = errors(&many, json!({"spec": (0..20_000).map(|i| i.to_string()).collect::<Vec<_>>()}));
    assert!(found.last().is_some_and(|error| error.contains("too many steps")), "{:?}", found.last());
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn schemas_written_the_same_share_one_tree() {
    let json = json!({"type": "object", "properties": {"spec": {"type": "object", "description": "shared"}}});
    let (one, two) = (schema(json.clone()), schema(json));
    assert!(std::ptr::eq(one.root(), two.root()));
    assert_eq!(one.fingerprint(), two.fingerprint());
}
