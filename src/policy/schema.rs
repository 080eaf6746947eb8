//! The JSON Schema of a policy, for editors.

use super::written;

/// The JSON Schema (draft 2020-12) of a policy as written, made from the types that read it.
///
/// An editor that uses it finds misspelt keys and words; what values mean together is found by loading.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(written::Policy);
    schema.insert("title".to_owned(), "secgate policy".into());
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_the_keys() {
        let schema = schema();
        assert_eq!(schema["required"], serde_json::json!(["version", "gate", "evidence", "rules"]));
        assert_eq!(schema["additionalProperties"], false);
        let selector = &schema["$defs"]["Selector"]["properties"];
        assert!(selector["severity"]["description"].as_str().unwrap().contains("or worse"));
        assert_eq!(schema["properties"]["mappings"]["additionalProperties"]["$ref"], "#/$defs/ReportMapping");
        assert!(schema["$defs"]["MappingFields"]["properties"]["rule_id"].is_object());
        assert!(selector["not"]["$ref"].is_string() && selector["where"].is_object(), "{selector}");
    }
}
