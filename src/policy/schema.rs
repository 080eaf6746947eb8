//! The JSON Schema of a policy, for editors.

use serde_json::{Value, json};

use super::written;

/// The JSON Schema (draft 2020-12) of a policy as written, made from the types that read it.
///
/// An editor that uses it finds misspelt keys and words; what values mean together is found by loading.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(written::Policy);
    schema.insert("title".to_owned(), "secgate policy".into());
    let mut schema = schema.to_value();
    partly_inherited(&mut schema);
    schema
}

/// Keys that have to be there, but not in what a policy with `extends` says of something inherited.
fn partly_inherited(schema: &mut Value) {
    let mut without = |pointer: &str, keys: &[&str]| {
        if let Some(Value::Array(required)) = schema.pointer_mut(pointer) {
            required.retain(|key| !keys.iter().any(|k| key == k));
        }
    };
    without("/required", &["evidence", "rules"]);
    without("/$defs/Rule/required", &["then"]);
    without("/$defs/Entry/required", &["files"]);
    without("/$defs/Reviewers/required", &["any_of"]);
    without("/$defs/ApprovalsRule/required", &["from", "any_of"]);
    without("/$defs/DocumentRule/required", &["name"]);
    without("/$defs/Base/required", &["from"]);
    let reviewers = json!({"required": ["any_of"]});
    let of_rule = json!({
        "reviewers": reviewers,
        "approvals": {"required": ["from", "any_of"]},
        "document": {"required": ["name"]},
    });
    let whole = json!({
        "required": ["evidence", "rules"],
        "properties": {
            "rules": {"items": {"required": ["then"], "properties": of_rule}},
            "evidence": {"additionalProperties": {"required": ["files"]}},
            "reviewers": reviewers,
            "base": {"required": ["from"]},
        },
    });
    if let Some(root) = schema.as_object_mut() {
        root.insert("if".to_owned(), json!({"required": ["extends"]}));
        root.insert("else".to_owned(), whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_the_keys() {
        let schema = schema();
        assert_eq!(schema["required"], json!(["version", "gate"]));
        // Only a policy that extends another can leave these out.
        assert_eq!(schema["if"], json!({"required": ["extends"]}));
        assert_eq!(schema["else"]["required"], json!(["evidence", "rules"]));
        assert_eq!(schema["else"]["properties"]["rules"]["items"]["required"], json!(["then"]));
        assert_eq!(schema["$defs"]["Rule"]["required"], json!(["id"]));
        assert_eq!(schema["additionalProperties"], false);
        let selector = &schema["$defs"]["Selector"]["properties"];
        assert!(selector["severity"]["description"].as_str().unwrap().contains("or worse"));
        assert_eq!(schema["properties"]["mappings"]["additionalProperties"]["$ref"], "#/$defs/ReportMapping");
        assert!(schema["$defs"]["MappingFields"]["properties"]["rule_id"].is_object());
        assert!(
            selector["not"]["anyOf"][0]["$ref"].is_string() && selector["where"].is_object(),
            "{selector}"
        );
    }
}
