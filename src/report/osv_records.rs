//! Records of an OSV database (<https://ossf.github.io/osv-schema/>): a file of one, of a list, or of one after the other.

use serde_json::Value;

use super::document::value;
use super::json::JsonKind;
use super::osv_scanner;
use super::{Json, ReadError, Source};
use crate::finding::Finding;

/// Hands over each record of a file of at most `max` bytes.
pub fn read_osv_records(source: &Source, max: u64, record: &mut dyn FnMut(Value)) -> Result<(), ReadError> {
    let mut json = Json::new(source.open(max)?);
    loop {
        if json.kind()? == JsonKind::Array {
            json.array(|json, _| one(json, record))?;
        } else {
            one(&mut json, record)?;
        }
        if json.at_end()? {
            return Ok(());
        }
    }
}

fn one(json: &mut Json, record: &mut dyn FnMut(Value)) -> Result<(), ReadError> {
    let read = value(json)?;
    let is = |key: &str| read.get(key).is_some_and(Value::is_string);
    if !is("id") || !is("modified") {
        return Err(json.shape("a record of OSV has `id` and `modified`"));
    }
    if read.get("affected").is_some_and(|list| !list.is_array()) {
        return Err(json.shape("`affected` of a record of OSV is a list"));
    }
    record(read);
    Ok(())
}

/// The findings of a package of which these records speak, as a report of OSV-Scanner holds them: records of one problem are
/// one finding. Of `affected` a record must hold nothing else than what is about the package. An error is a record that
/// is none.
pub fn findings_of_records(
    package: (&str, &str, &str),
    records: &[Value],
) -> Result<Vec<Finding>, serde_json::Error> {
    let texts = records.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    let mut read = Vec::new();
    for (record, text) in records.iter().zip(&texts) {
        let affected = record.get("affected").and_then(Value::as_array);
        let is_unimportant = |one: &Value| {
            one.pointer("/ecosystem_specific/urgency").and_then(Value::as_str) == Some("unimportant")
        };
        let unimportant = affected.is_some_and(|list| !list.is_empty() && list.iter().all(is_unimportant));
        read.push((serde_json::from_str::<osv_scanner::Osv<'_>>(text)?, unimportant));
    }
    Ok(osv_scanner::findings_of(package, read.into_iter()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::Severity;

    fn ids(text: &str) -> Result<Vec<String>, ReadError> {
        let mut ids = Vec::new();
        read_osv_records(&Source::Bytes(text.as_bytes().into()), 1 << 20, &mut |record| {
            ids.push(record["id"].as_str().unwrap_or_default().to_owned());
        })?;
        Ok(ids)
    }

    #[test]
    fn one_a_list_and_one_after_the_other() {
        let record = |id: &str| format!(r#"{{"id":"{id}","modified":"2026-01-01T00:00:00Z"}}"#);
        let (a, b) = (record("A"), record("B"));
        assert_eq!(ids(&a).unwrap(), ["A"]);
        assert_eq!(ids(&format!("[{a},{b}]")).unwrap(), ["A", "B"]);
        assert_eq!(ids(&format!("{a}\n{b}\n")).unwrap(), ["A", "B"]);
        assert!(ids("[]").unwrap().is_empty());
        for odd in ["", "{}", r#"{"id":"A"}"#, "[1]", r#"{"vulns":[]}"#] {
            assert!(ids(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn records_of_one_problem_are_one_finding() {
        let record = |id: &str, alias: &str, vector: &str, urgency: &str| {
            json!({
                "id": id, "modified": "2026-01-01T00:00:00Z", "aliases": [alias],
                "severity": [{"type": "CVSS_V3", "score": vector}],
                "affected": [{"package": {"ecosystem": "npm", "name": "a"}, "ecosystem_specific": {"urgency": urgency},
                    "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.0"}]}]}],
            })
        };
        let high = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N";
        let low = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N";
        let records = [
            record("GHSA-1", "CVE-2026-1", high, ""),
            record("CVE-2026-1", "PYSEC-1", low, "unimportant"),
            record("GHSA-2", "CVE-2026-2", low, "unimportant"),
        ];
        let findings = findings_of_records(("a", "1.0.0", "npm"), &records).unwrap();
        assert_eq!(findings.len(), 2);
        assert_eq!(findings[0].severity, Severity::High);
        assert_eq!(findings[0].ids.len(), 3);
        assert_eq!(findings[0].package.as_ref().unwrap().fixed.len(), 1);
        assert_eq!(findings.iter().map(|one| one.suppressed).collect::<Vec<_>>(), [false, true]);
    }
}
