//! in-toto attestations: DSSE envelopes, one or several a file (`*.intoto.jsonl`), or bare statements. They hold no
//! finding and cover nothing. Nothing is verified here; what an attestation proves is the business of rules about
//! provenance.

use super::field::text;
use super::json::{Json, JsonKind};
use super::{Format, Opening, ReadError, Reading};

/// in-toto attestations.
pub(super) static FORMAT: Format = Format {
    id: "in-toto",
    title: "in-toto attestations, in DSSE envelopes or bare: no findings",
    tool: "in-toto",
    categories: &[],
    // One fault makes the whole file unreadable, whatever stands before it.
    lines: false,
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    let text = |key: &str| opening.get(key).and_then(|m| m.text.as_deref());
    text("payloadType").is_some_and(is_payload) || text("_type").is_some_and(is_statement)
}

fn is_payload(payload_type: &str) -> bool {
    payload_type == "application/vnd.in-toto+json"
}

fn is_statement(statement_type: &str) -> bool {
    statement_type.starts_with("https://in-toto.io/Statement/")
}

fn read_report(json: &mut Json, _: &mut Reading<'_>) -> Result<(), ReadError> {
    loop {
        attestation(json)?;
        if json.at_end()? {
            return Ok(());
        }
    }
}

fn attestation(json: &mut Json) -> Result<(), ReadError> {
    let (mut envelope, mut payload, mut signatures) = (false, false, false);
    let (mut statement, mut subjects) = (false, false);
    json.object(|json, key| {
        match key {
            "payloadType" => envelope = is_payload(&text(json)?),
            "payload" => payload = !text(json)?.is_empty(),
            "signatures" => {
                json.array(|json, _| {
                    signatures = true;
                    match json.kind()? {
                        JsonKind::Object => json.skip(),
                        other => Err(json.shape(&format!("expected an object, found {}", other.words()))),
                    }
                })?;
            }
            "_type" => statement = is_statement(&text(json)?),
            "subject" => {
                json.array(|json, _| {
                    subjects = true;
                    json.skip()
                })?;
            }
            _ => json.skip()?,
        }
        Ok(())
    })?;
    match (envelope, statement) {
        (true, _) if payload && signatures => Ok(()),
        (true, _) => Err(json.shape("an envelope has a `payload` and `signatures`")),
        (false, true) if subjects => Ok(()),
        (false, true) => Err(json.shape("a statement has a `subject`")),
        (false, false) => Err(json.shape("neither an in-toto envelope nor a statement")),
    }
}

#[cfg(test)]
mod tests {
    use crate::report::testing::{read_as, read_text};

    const ENVELOPE: &str = r#"{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"","sig":"x"}]}"#;

    #[test]
    fn attestations_are_read_and_cover_nothing() {
        let statement =
            r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a"}],"predicateType":"x"}"#;
        for text in [ENVELOPE.to_owned(), format!("{ENVELOPE}\n{ENVELOPE}\n"), statement.to_owned()] {
            let read = read_text(&text);
            assert!(read.error.is_none(), "{:?}", read.error);
            assert_eq!((read.format, read.findings.len()), (Some("in-toto"), 0));
            assert!(read.report.categories.is_empty());
        }
    }

    #[test]
    fn what_is_no_attestation_is_an_error() {
        for text in [
            "",
            "{}",
            "[]",
            r#"{"payloadType":"text/plain","payload":"e30=","signatures":[{}]}"#,
            r#"{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[]}"#,
            r#"{"payloadType":"application/vnd.in-toto+json","signatures":[{}]}"#,
            r#"{"_type":"https://in-toto.io/Statement/v1","subject":[]}"#,
            &format!("{ENVELOPE}\nlog line"),
            &format!("{ENVELOPE}\n{{}}"),
        ] {
            assert!(read_as("in-toto", text).error.is_some(), "{text}");
        }
    }
}
