//! Protobuf bodies: written by a stock client, and malformed ones.
#![allow(missing_docs, clippy::unwrap_used)]

use apiserver::{ApiError, builtin, protobuf};
use proptest::prelude::*;
use serde_json::Value;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// Without what means nothing in JSON: null, empty objects and lists.
fn essence(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(fields) => {
            let kept: serde_json::Map<_, _> =
                fields.iter().filter_map(|(k, v)| Some((k.clone(), essence(v)?))).collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(items) => {
            let kept: Vec<Value> = items.iter().map(|v| essence(v).unwrap_or_default()).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        // 3.0 and 3 are the same JSON number.
        Value::Number(n) => Some(n.as_f64().map_or(value.clone(), Value::from)),
        scalar => Some(scalar.clone()),
    }
}

fn golden() -> String {
    // MESH_PROTOBUF_GOLDEN names a larger file of the same form: hex, space, JSON.
    match std::env::var("MESH_PROTOBUF_GOLDEN") {
        Ok(file) => std::fs::read_to_string(file).unwrap(),
        Err(_) => include_str!("golden/protobuf.txt").to_owned(),
    }
}

#[test]
fn every_kind_reads_as_the_client_meant_it() {
    let mut kinds = std::collections::BTreeSet::new();
    for line in golden().lines() {
        let (hex, json) = line.split_once(' ').unwrap();
        let want: Value = serde_json::from_str(json).unwrap();
        let object = protobuf::decode(&bytes(hex)).unwrap();
        assert_eq!(essence(&object), essence(&want), "{}", want["kind"]);
        kinds.insert((
            want["apiVersion"].as_str().unwrap().to_owned(),
            want["kind"].as_str().unwrap().to_owned(),
        ));
    }
    for (version, kind) in builtin::table().kinds() {
        assert!(kinds.contains(&(version.to_owned(), kind.to_owned())), "no golden body of {version} {kind}");
    }
}

#[test]
fn faults_name_their_place() {
    let body = bytes("6b3873000a0f0a02763112094e616d657370616365120b0a050a03646576120028ff");
    let error = protobuf::decode(&body).unwrap_err().to_string();
    assert!(error.contains("at byte 33"), "{error}");
    assert_eq!(protobuf::decode(b"{}").unwrap_err(), protobuf::ProtobufError::NoMagic);
    let mut pod = protobuf::MAGIC.to_vec();
    pod.extend_from_slice(b"\x0a\x09\x0a\x02v1\x12\x03Pod");
    assert_eq!(ApiError::from(protobuf::decode(&pod).unwrap_err()).code, 415);
}

#[test]
fn a_body_that_nests_without_end_is_refused() {
    // A schema that is not what is not what is not …
    let mut content = vec![0x2a, 0x00];
    for _ in 0..400 {
        let mut not = vec![0xe2, 0x01];
        let mut length = content.len();
        while length >= 0x80 {
            not.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        not.push(length as u8);
        not.extend_from_slice(&content);
        content = not;
    }
    let wrap = |tag: u8, content: &[u8]| {
        let mut out = vec![tag];
        let mut length = content.len();
        while length >= 0x80 {
            out.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        out.push(length as u8);
        out.extend_from_slice(content);
        out
    };
    // spec.versions[].schema.openAPIV3Schema
    let schema = wrap(0x22, &wrap(0x0a, &content));
    let crd = wrap(0x12, &wrap(0x3a, &schema));
    let mut body = protobuf::MAGIC.to_vec();
    body.extend(wrap(0x0a, b"\x0a\x17apiextensions.k8s.io/v1\x12\x18CustomResourceDefinition"));
    body.extend(wrap(0x12, &crd));
    let error = protobuf::decode(&body).unwrap_err().to_string();
    assert!(error.contains("nests deeper"), "{error}");
}

proptest! {
    #[test]
    fn damaged_bodies_are_read_or_refused_but_never_break(line in 0usize..28, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let text = include_str!("golden/protobuf.txt");
        let line = text.lines().nth(line).unwrap_or_default();
        let mut body = bytes(line.split_once(' ').map_or("", |(hex, _)| hex));
        let at = at.index(body.len().max(1));
        if cut { body.truncate(at) } else if let Some(b) = body.get_mut(at) { *b = byte }
        if let Ok(object) = protobuf::decode(&body) {
            prop_assert!(object.is_object());
        }
    }
}
