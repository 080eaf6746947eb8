//! The published JSON Schemas (draft 2020-12): of what secgate reads from a team and of what it writes for programs.
//!
//! Each is made from the types that read or write the files, so that none can fall behind them. Within a version keys may
//! be added; none changes its meaning or goes away.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::json::VerdictObject;
use super::listing::ListingObject;
use super::waivers::WaiverReview;
use crate::policy;
use crate::replay::{
    ReplayOutput, RowsEnd, RunComparison, RunDescription, RunDifferenceRow, RunEvidenceRow, RunFindingRow,
    RunRecallRow, RunRow, RunRuleRow, RunWaiverRow,
};

/// A published schema.
#[derive(Debug)]
pub struct PublishedSchema {
    /// Its name for `secgate schema`.
    pub name: &'static str,
    /// The files that it describes.
    pub title: &'static str,
    /// The schema.
    pub schema: fn() -> Value,
}

/// Every published schema, in the order of listings.
pub static SCHEMAS: &[PublishedSchema] = &[
    PublishedSchema {
        name: "verdict",
        title: "verdicts: `secgate check --format json`, secgate/verdict/v1",
        schema: || output::<VerdictObject<'_>>(super::json::SCHEMA),
    },
    PublishedSchema {
        name: "findings",
        title: "lists of findings: `secgate findings --format json`, secgate/findings/v1",
        schema: || output::<ListingObject<'_>>(super::listing::SCHEMA),
    },
    PublishedSchema {
        name: "waivers",
        title: "reviewed waivers: `secgate waiver list|lint --format json`, secgate/waivers/v1",
        schema: || output::<WaiverReview>(super::waivers::SCHEMA),
    },
    PublishedSchema {
        name: "replay",
        title: "replays: `secgate replay --format json`, secgate/replay/v1",
        schema: || output::<ReplayOutput<'_>>(crate::replay::SCHEMA),
    },
    PublishedSchema {
        name: "diff",
        title: "why two runs have different verdicts: `secgate diff --format json`, secgate/diff/v1",
        schema: || output::<RunComparison>(crate::replay::DIFF_SCHEMA),
    },
    PublishedSchema {
        name: "replay-rows",
        title: "rows of replays: `secgate replay --rows`, secgate/rows/v1",
        schema: rows,
    },
    PublishedSchema {
        name: "run",
        title: "saved runs: run.json, or a line for `secgate replay`, secgate/run/v1",
        schema: run,
    },
    PublishedSchema { name: "policy", title: "policies, for editors", schema: policy::schema },
    PublishedSchema {
        name: "cases",
        title: "files of cases for `secgate policy test`, for editors",
        schema: policy::testing::schema,
    },
];

/// The schema of a line of rows: one of the tables, each a definition, or the end.
fn rows() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let tables = [
        ("run", generator.subschema_for::<RunRow<'_>>()),
        ("run_rule", generator.subschema_for::<RunRuleRow<'_>>()),
        ("run_evidence", generator.subschema_for::<RunEvidenceRow<'_>>()),
        ("run_finding", generator.subschema_for::<RunFindingRow<'_>>()),
        ("run_waiver", generator.subschema_for::<RunWaiverRow<'_>>()),
        ("run_difference", generator.subschema_for::<RunDifferenceRow<'_>>()),
        ("run_recall", generator.subschema_for::<RunRecallRow<'_>>()),
        ("end", generator.subschema_for::<RowsEnd>()),
    ];
    let mut made = generator.take_definitions(true);
    let mut definitions = serde_json::Map::new();
    for (table, reference) in &tables {
        let name = reference.as_value()["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        let Some(mut schema) = name.and_then(|name| made.remove(name)) else { continue };
        if let Some(row_type) = schema.pointer_mut("/properties/row_type") {
            *row_type = json!({"const": table});
        }
        definitions.insert((*table).to_owned(), schema);
    }
    let any: Vec<Value> =
        tables.iter().map(|(table, _)| json!({"$ref": format!("#/$defs/{table}")})).collect();
    definitions.append(&mut made);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": crate::replay::ROWS_SCHEMA,
        "anyOf": any,
        "$defs": definitions,
    })
}

/// The schema of what a run says of itself.
fn run() -> Value {
    let mut schema =
        SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<RunDescription>().to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), crate::replay::RUN_SCHEMA.into());
    }
    schema
}

/// The schema of an output of this type, whose `schema` is `id`.
fn output<T: JsonSchema>(id: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), id.into());
    }
    if let Some(name) = schema.pointer_mut("/properties/schema") {
        *name = json!({"const": id});
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_schema_names_the_output_that_it_describes() {
        for (name, id) in [
            ("verdict", "secgate/verdict/v1"),
            ("findings", "secgate/findings/v1"),
            ("waivers", "secgate/waivers/v1"),
            ("replay", "secgate/replay/v1"),
            ("diff", "secgate/diff/v1"),
        ] {
            let published = SCHEMAS.iter().find(|schema| schema.name == name).unwrap();
            let schema = (published.schema)();
            assert_eq!(schema["properties"]["schema"], json!({"const": id}));
            assert!(published.title.contains(id), "{}", published.title);
            assert!(schema["required"].as_array().unwrap().contains(&"schema".into()));
        }
    }
}
