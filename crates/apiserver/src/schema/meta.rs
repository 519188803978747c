//! The fields that every object has: `apiVersion`, `kind`, and object metadata.

use super::{
    node::{Additional, Kind, ListType, MapType, Node},
    parse::object,
};

/// The node of object metadata, with the list types that server-side apply goes by.
#[must_use]
pub fn object_meta() -> Node {
    let owner = Node {
        map_type: MapType::Atomic,
        ..object([
            ("apiVersion", scalar(Kind::String)),
            ("kind", scalar(Kind::String)),
            ("name", scalar(Kind::String)),
            ("uid", scalar(Kind::String)),
            ("controller", scalar(Kind::Boolean)),
            ("blockOwnerDeletion", scalar(Kind::Boolean)),
        ])
    };
    let managed = object([
        ("manager", scalar(Kind::String)),
        ("operation", scalar(Kind::String)),
        ("apiVersion", scalar(Kind::String)),
        ("time", scalar(Kind::String)),
        ("fieldsType", scalar(Kind::String)),
        ("fieldsV1", Node { kind: Kind::Object, nullable: true, ..Node::anything() }),
        ("subresource", scalar(Kind::String)),
    ]);
    object([
        ("name", scalar(Kind::String)),
        ("generateName", scalar(Kind::String)),
        ("namespace", scalar(Kind::String)),
        ("selfLink", scalar(Kind::String)),
        ("uid", scalar(Kind::String)),
        ("resourceVersion", scalar(Kind::String)),
        ("generation", scalar(Kind::Integer)),
        ("creationTimestamp", scalar(Kind::String)),
        ("deletionTimestamp", scalar(Kind::String)),
        ("deletionGracePeriodSeconds", scalar(Kind::Integer)),
        ("labels", map(scalar(Kind::String))),
        ("annotations", map(scalar(Kind::String))),
        ("finalizers", list(scalar(Kind::String), ListType::Set)),
        ("ownerReferences", list(owner, ListType::Map { keys: vec!["uid".to_owned()] })),
        ("managedFields", list(managed, ListType::Atomic)),
    ])
}

/// Metadata accepts null for an absent field, as decoding into typed structs does.
fn scalar(kind: Kind) -> Node {
    Node { kind, nullable: true, ..Node::default() }
}

fn map(values: Node) -> Node {
    Node {
        kind: Kind::Object,
        nullable: true,
        additional: Additional::Schema(Box::new(values)),
        ..Node::default()
    }
}

fn list(items: Node, list_type: ListType) -> Node {
    Node { kind: Kind::Array, nullable: true, items: Some(Box::new(items)), list_type, ..Node::default() }
}

/// Declares the fields of every object at a resource's root; name checks of the schema are kept.
pub(crate) fn add_root_fields(node: &mut Node) {
    add_fields(node, true);
}

/// Declares the fields of every object in an embedded one.
pub(crate) fn add_embedded_fields(node: &mut Node) {
    add_fields(node, false);
}

fn add_fields(node: &mut Node, nullable_kind: bool) {
    let text = Node { kind: Kind::String, nullable: nullable_kind, ..Node::default() };
    node.properties.entry("apiVersion".to_owned()).or_insert_with(|| text.clone());
    node.properties.entry("kind".to_owned()).or_insert(text);
    let mut metadata = object_meta();
    if let Some(written) = node.properties.remove("metadata") {
        metadata.description = written.description;
        metadata.checks = written.checks;
        for (name, child) in written.properties {
            if let Some(target) = metadata.properties.get_mut(&name) {
                target.checks = child.checks;
            }
        }
    }
    node.properties.insert("metadata".to_owned(), metadata);
}
