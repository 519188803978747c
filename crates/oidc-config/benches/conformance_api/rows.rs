//! What is checked of a kind, and the rows of laws.

use std::collections::BTreeSet;

use kcp_api::testing::compare::{differences, normalize};
use kcp_api::testing::{Choices, by_schema, hostile, laws, objects};
use serde_json::Value;

use crate::cell::Cell;
use crate::data::{Data, Found, fitted};
use crate::unknown::with_unknown_fields;
use crate::{Options, kinds, properties};

/// A version of a kind, as a definition names it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    group: String,
    kind: String,
    version: String,
    plural: String,
}

impl Kind {
    fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    fn row(&self) -> String {
        format!("{} {}", self.api_version(), self.kind)
    }
}

/// Reports every row; whether a cell is red.
pub fn report(data: &Data, options: &Options) -> bool {
    let mut report = Report { is_red: false };
    let in_data: BTreeSet<Kind> = data.definitions.iter().flat_map(|found| kinds_of(&found.object)).collect();
    let mut all = in_data;
    all.extend(kinds::definitions().iter().flat_map(kinds_of));
    let wanted: Vec<&Kind> = all.iter().filter(|kind| options.wants(&kind.row())).collect();
    let typed =
        wanted.iter().filter(|kind| kinds::view(&kind.group, &kind.version, &kind.kind).is_some()).count();
    let share = options.cases.div_ceil(u64::try_from(typed.max(1)).unwrap_or(1));
    for kind in &wanted {
        kind_row(kind, data, options, share, &mut report);
    }
    others(&all, data, options, &mut report);
    law_rows(options, &mut report);
    report.is_red
}

struct Report {
    is_red: bool,
}

impl Report {
    fn cell(&mut self, row: &str, column: &str, cell: Cell) {
        self.is_red |= cell.is_red();
        cell.report(row, column);
    }
}

fn kinds_of(definition: &Value) -> Vec<Kind> {
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let versions = spec["versions"].as_array().into_iter().flatten();
    versions
        .map(|version| Kind {
            group: text(&spec["group"]),
            kind: text(&spec["names"]["kind"]),
            version: text(&version["name"]),
            plural: text(&spec["names"]["plural"]),
        })
        .collect()
}

fn kind_row(kind: &Kind, data: &Data, options: &Options, share: u64, report: &mut Report) {
    const COLUMNS: [&str; 4] = ["fields", "round trip", "schema", "conversion"];
    let row = kind.row();
    let Some(view) = kinds::view(&kind.group, &kind.version, &kind.kind) else {
        let why = kinds::left_out(&kind.group, &kind.kind);
        for column in COLUMNS {
            let cell = match why {
                Some(why) => Cell::NotApplicable(why.to_owned()),
                None => Cell::Red("there is no type for this kind".to_owned()),
            };
            report.cell(&row, column, cell);
        }
        return;
    };
    let is_this = |found: &&Found| {
        found.object["spec"]["group"] == kind.group && found.object["spec"]["names"]["plural"] == kind.plural
    };
    let definitions: Vec<&Found> = data.definitions.iter().filter(is_this).collect();
    let own = kinds::definition(&kind.group, &kind.plural).unwrap_or_default();

    // Without a definition in the data, our own says which fields there are.
    let mut shapes: Vec<(String, Value)> = definitions
        .iter()
        .filter_map(|found| Some((found.file.clone(), schema_of(&found.object, kind)?)))
        .collect();
    if shapes.is_empty() {
        shapes.extend(schema_of(&own, kind).map(|schema| ("own definition".to_owned(), schema)));
    }
    let mut unknown = Vec::new();
    for (file, schema) in &shapes {
        let object = by_schema::full_object(schema, &kind.api_version(), &kind.kind);
        match view(object.clone()).and_then(|view| view.known()) {
            Ok(known) => unknown.extend(differences(file, &known, &object)),
            Err(error) => unknown.push(format!("{file}: {error}")),
        }
    }
    report.cell(&row, "fields", Cell::of(&unknown, format!("{} definitions", shapes.len())));

    let mut lost = Vec::new();
    let shape = shapes.first().map_or(&Value::Null, |(_, schema)| schema);
    let in_data = data.objects.iter().filter(|found| is_of(&found.object, kind));
    let objects: Vec<Found> = in_data
        .map(|found| Found { file: found.file.clone(), object: fitted(&found.object, shape) })
        .collect();
    for found in &objects {
        let more = with_unknown_fields(&found.object, shape);
        for object in [&found.object, &more] {
            lost.extend(
                laws::nothing_is_lost(&view, object).err().map(|why| format!("{}: {why}", found.file)),
            );
        }
    }
    for (_, schema) in &shapes {
        let property = |choices: &mut Choices<'_>| {
            let object = by_schema::object(choices, schema, &kind.api_version(), &kind.kind);
            laws::nothing_is_lost(&view, &object)?;
            laws::a_change_merges_alone(&view, &object, choices)
        };
        lost.extend(properties::run(options.seed, share, &property));
    }
    report.cell(&row, "round trip", Cell::of(&lost, format!("{} objects, {share} cases", objects.len())));

    report.cell(&row, "schema", schema(&own, &definitions, data, kind));
    report.cell(&row, "conversion", conversion(kind, &objects, shape, options));
}

fn is_of(object: &Value, kind: &Kind) -> bool {
    object["apiVersion"] == kind.api_version() && object["kind"] == kind.kind
}

/// The schema of a version's objects.
fn schema_of(definition: &Value, kind: &Kind) -> Option<Value> {
    let versions = definition["spec"]["versions"].as_array()?;
    let version = versions.iter().find(|version| version["name"] == kind.version)?;
    Some(version["schema"]["openAPIV3Schema"].clone())
}

/// Our definition against those of the data, and against APIResourceSchemas of the data.
fn schema(own: &Value, definitions: &[&Found], data: &Data, kind: &Kind) -> Cell {
    let is_schema = |found: &&Found| {
        found.object["kind"] == "APIResourceSchema"
            && found.object["spec"]["group"] == kind.group
            && found.object["spec"]["names"]["plural"] == kind.plural
    };
    let mut own = own.clone();
    normalize(&mut own);
    let mut found = Vec::new();
    let mut count = 0;
    let mut compare = |file: &str, mut theirs: Value| {
        normalize(&mut theirs);
        count += 1;
        found.extend(differences(file, &own["spec"], &theirs["spec"]));
    };
    for definition in definitions {
        compare(&definition.file, definition.object.clone());
    }
    for schema in data.objects.iter().filter(is_schema) {
        if let Ok(definition) = kcp_api::schemas::crd_of(&schema.object) {
            compare(&schema.file, definition);
        }
    }
    match count {
        0 => Cell::NotApplicable("no definition in the data".to_owned()),
        _ => Cell::of(&found, format!("{count} definitions")),
    }
}

fn conversion(kind: &Kind, objects: &[Found], shape: &Value, options: &Options) -> Cell {
    let known = kcp_api::KINDS.iter().find(|known| is_known(known, kind));
    let others: Vec<&str> =
        known.iter().flat_map(|known| known.other_versions()).map(|known| known.api_version).collect();
    if others.is_empty() {
        return Cell::NotApplicable("one version".to_owned());
    }
    let mut lost = Vec::new();
    for other in &others {
        for found in objects {
            let more = with_unknown_fields(&found.object, shape);
            for object in [&found.object, &more] {
                let outcome = laws::conversion_is_the_identity(object, other);
                lost.extend(outcome.err().map(|why| format!("{}: {why}", found.file)));
            }
        }
    }
    let Some(generate) = objects::of_kind(&kind.api_version(), &kind.kind) else {
        return Cell::Red("there is no generator for this kind".to_owned());
    };
    let property = |choices: &mut Choices<'_>| {
        let object = generate(choices);
        others.iter().try_for_each(|other| laws::conversion_is_the_identity(&object, other))
    };
    lost.extend(properties::run(options.seed, options.cases, &property));
    if kind.kind == "APIBinding" && kind.version == "v1alpha2" {
        let touched = |choices: &mut Choices<'_>| {
            laws::a_change_in_the_older_version_widens_nothing(&objects::binding_v1alpha2(choices))
        };
        lost.extend(properties::run(options.seed, options.cases, &touched));
    }
    Cell::of(&lost, format!("{} objects, {} cases", objects.len(), options.cases))
}

fn is_known(known: &kcp_api::KnownKind, kind: &Kind) -> bool {
    known.group == kind.group && known.version == kind.version && known.kind == kind.kind
}

/// Objects without a type: their text, read and written, is what it was. Files that cannot be read are red here.
fn others(all: &BTreeSet<Kind>, data: &Data, options: &Options, report: &mut Report) {
    const ROW: &str = "objects of other groups";
    if !options.wants(ROW) {
        return;
    }
    let mut findings = data.faults.clone();
    let mut count = 0;
    for found in data.objects.iter().chain(&data.definitions) {
        let has_type = all.iter().any(|kind| {
            is_of(&found.object, kind) && kinds::view(&kind.group, &kind.version, &kind.kind).is_some()
        });
        if has_type {
            continue;
        }
        count += 1;
        let text = found.object.to_string();
        let texts =
            [kcp_api::read_json(text.as_bytes()).map(|one| vec![one]), kcp_api::read_yaml(text.as_bytes())];
        for read in texts {
            match read {
                Ok(read) if read == [found.object.clone()] => {}
                Ok(_) => findings.push(format!("{}: it came back differently", found.file)),
                Err(error) => findings.push(format!("{}: {error}", found.file)),
            }
        }
    }
    report.cell(ROW, "round trip", Cell::of(&findings, format!("{count} objects")));
}

fn law_rows(options: &Options, report: &mut Report) {
    let hostile =
        |choices: &mut Choices<'_>| laws::any_json_converts_or_is_refused(&hostile::object(choices));
    let rows: [(&str, properties::Property<'_>); 4] = [
        ("permission claims", &laws::claims_form_an_algebra),
        ("names and paths", &laws::names_follow_their_grammar),
        ("hashes and labels", &laws::derived_names_are_what_their_rules_say),
        ("hostile objects", &hostile),
    ];
    for (row, property) in rows {
        if options.wants(row) {
            let findings = properties::run(options.seed, options.cases, property);
            report.cell(row, "laws", Cell::of(&findings, format!("{} cases", options.cases)));
        }
    }
}
