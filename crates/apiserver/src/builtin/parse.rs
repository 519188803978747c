//! Reads the text of the table. Lines that cannot be read are left out; a test holds the text to have none.

use super::{
    kinds::{Field, ListType, Many, Message, Table, Type},
    nodes::Element,
};

pub(super) fn parse(text: &str) -> Table {
    let lines = || text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let mut table = Table::default();
    for name in lines().filter_map(|l| l.strip_prefix("message ")).filter_map(|l| l.split(' ').next()) {
        table.names.insert(name.to_owned(), table.names.len());
    }
    for line in lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["kind", version, kind, message] => {
                if let Some(index) = table.names.get(*message) {
                    table.kinds.insert(((*version).to_owned(), (*kind).to_owned()), *index);
                }
            }
            ["message", name, flags @ ..] => table.messages.push(Message {
                name: (*name).to_owned(),
                atomic: flags.contains(&"map=atomic"),
                ..Message::default()
            }),
            [number, name, ty, flags @ ..] => {
                let field = field(&table, number, name, ty, flags);
                if let (Some(field), Some(message)) = (field, table.messages.last_mut()) {
                    message.by_number.insert(field.number, message.fields.len());
                    message.fields.push(field);
                }
            }
            _ => {}
        }
    }
    table
}

fn field(table: &Table, number: &str, name: &str, ty: &str, flags: &[&str]) -> Option<Field> {
    let (many, ty) = match (ty.strip_prefix("[]"), ty.strip_prefix("{}")) {
        (Some(item), _) => (Many::List, item),
        (_, Some(value)) => (Many::Map, value),
        _ => (Many::One, ty),
    };
    let ty = scalar(ty).or_else(|| table.names.get(ty).map(|i| Type::Message(*i)))?;
    let value_of = |key: &str| flags.iter().find_map(|f| f.strip_prefix(key));
    let (list, keys) = match value_of("list=") {
        Some("set") => (ListType::Set, Vec::new()),
        Some(keyed) if keyed.starts_with("map:") => {
            (ListType::Keyed, keyed.trim_start_matches("map:").split(',').map(str::to_owned).collect())
        }
        _ => (ListType::Atomic, Vec::new()),
    };
    let patch = value_of("patch=").unwrap_or_default();
    Some(Field {
        number: number.parse().ok()?,
        name: name.to_owned(),
        many,
        ty,
        omit_empty: flags.contains(&"omitempty"),
        optional: flags.contains(&"pointer"),
        list,
        keys,
        atomic: value_of("map=") == Some("atomic"),
        patch_merge: patch.split(',').any(|p| p == "merge"),
        patch_retain_keys: patch.split(',').any(|p| p == "retainKeys"),
        merge_key: value_of("key=").map(str::to_owned),
        element: Element(ty),
    })
}

fn scalar(name: &str) -> Option<Type> {
    Some(match name {
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "bool" => Type::Bool,
        "int32" => Type::Int32,
        "int64" => Type::Int64,
        "float64" => Type::Float64,
        "time" => Type::Time,
        "microtime" => Type::MicroTime,
        "quantity" => Type::Quantity,
        "intorstring" => Type::IntOrString,
        "raw" => Type::Raw,
        "items" => Type::Items,
        "schemaorbool" => Type::SchemaOrBool,
        "schemaorarray" => Type::SchemaOrArray,
        "schemaorstrings" => Type::SchemaOrStrings,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_understood() {
        let text = include_str!("generated/kinds.txt");
        let table = parse(text);
        let fields = text.lines().filter(|l| l.starts_with(|c: char| c.is_ascii_digit())).count();
        assert_eq!(table.messages.iter().map(|m| m.fields.len()).sum::<usize>(), fields);
        assert_eq!(table.kinds.len(), text.lines().filter(|l| l.starts_with("kind ")).count());
        assert!(table.kinds.len() >= 28);
    }
}
