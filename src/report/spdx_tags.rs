//! SPDX tag-value as the JSON of SPDX 2, as far as this program looks at it.
//!
//! Source of the shapes: chapters 6 to 11 of the SPDX specification 2.3. A line is `Tag: value`; a value in
//! `<text>…</text>` may have many lines, and `#` begins a comment. What follows `PackageName` is about that package until
//! another section begins.

use serde_json::{Map, Value, json};

use super::json::Json;
use super::{ReadError, Source};

/// First bytes of a document in this form: its version, or a comment before it.
pub(super) const STARTS: &[u8] = b"S#";

/// True for the first bytes of such a document.
pub(super) fn looks_like(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| line.starts_with("SPDXVersion:"))
}

/// Sections whose lines are about something else than a package.
const OTHERS: [&str; 4] = ["FileName", "SnippetSPDXID", "LicenseID", "Reviewer"];

/// The document as JSON, ready to be read.
pub(super) fn converted(document: &mut Json) -> Result<Json, ReadError> {
    let mut tags = TagDocument::default();
    loop {
        let number = document.line_number();
        let Some(line) = document.line()? else { break };
        if !line.text(|line| tags.line(line))? {
            return Err(document.shape(&format!("line {number} is no `Tag: value` of SPDX")));
        }
    }
    if tags.text {
        return Err(document.shape("the file ends within `<text>`: it was cut, or is still being written"));
    }
    let text = tags.json().to_string();
    Source::Bytes(text.into_bytes().into()).open(u64::MAX).map(Json::new)
}

#[derive(Default)]
struct TagDocument {
    facts: Map<String, Value>,
    packages: Vec<Map<String, Value>>,
    relationships: Vec<Value>,
    /// Within a text of several lines.
    text: bool,
    /// Within a section that is about no package.
    elsewhere: bool,
}

impl TagDocument {
    /// False for a line that is none of the form.
    fn line(&mut self, line: &str) -> bool {
        let line = line.trim();
        if self.text {
            self.text = !line.contains("</text>");
            return true;
        }
        if line.is_empty() || line.starts_with('#') {
            return true;
        }
        let Some((tag, value)) = line.split_once(':') else { return false };
        let (tag, value) = (tag.trim(), value.trim());
        self.text = value.contains("<text>") && !value.contains("</text>");
        self.tag(tag, value.trim_start_matches("<text>").trim_end_matches("</text>"));
        true
    }

    fn tag(&mut self, tag: &str, value: &str) {
        if tag == "PackageName" {
            self.elsewhere = false;
            self.packages.push(Map::from_iter([("name".to_owned(), value.into())]));
            return;
        }
        self.elsewhere |= OTHERS.contains(&tag);
        match tag {
            "SPDXVersion" => self.fact("spdxVersion", value.into()),
            "Created" => self.fact("creationInfo", json!({ "created": value })),
            "SPDXID" if self.packages.is_empty() && !self.elsewhere => self.fact("SPDXID", value.into()),
            "Relationship" => {
                let mut words = value.split_whitespace();
                if let (Some(from), Some(kind), Some(to)) = (words.next(), words.next(), words.next()) {
                    self.relationships.push(json!({
                        "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to
                    }));
                }
            }
            _ => self.of_package(tag, value),
        }
    }

    fn fact(&mut self, key: &str, value: Value) {
        self.facts.entry(key.to_owned()).or_insert(value);
    }

    fn of_package(&mut self, tag: &str, value: &str) {
        let Some(package) = self.packages.last_mut().filter(|_| !self.elsewhere) else { return };
        let key = match tag {
            "SPDXID" => "SPDXID",
            "PackageVersion" => "versionInfo",
            "PackageLicenseConcluded" => "licenseConcluded",
            "PackageLicenseDeclared" => "licenseDeclared",
            "PrimaryPackagePurpose" => "primaryPackagePurpose",
            "PackageAttributionText" => {
                push(package, "attributionTexts", value.into());
                return;
            }
            "PackageChecksum" => {
                if let Some((algorithm, sum)) = value.split_once(':') {
                    let checksum = json!({"algorithm": algorithm.trim(), "checksumValue": sum.trim()});
                    push(package, "checksums", checksum);
                }
                return;
            }
            "ExternalRef" => {
                let mut words = value.splitn(3, char::is_whitespace);
                if let (Some(category), Some(kind), Some(locator)) =
                    (words.next(), words.next(), words.next())
                {
                    let reference = json!({
                        "referenceCategory": category, "referenceType": kind, "referenceLocator": locator.trim()
                    });
                    push(package, "externalRefs", reference);
                }
                return;
            }
            _ => return,
        };
        package.entry(key.to_owned()).or_insert_with(|| value.into());
    }

    fn json(self) -> Value {
        let mut document = self.facts;
        document.insert("packages".to_owned(), self.packages.into_iter().map(Value::Object).collect());
        document.insert("relationships".to_owned(), Value::Array(self.relationships));
        Value::Object(document)
    }
}

fn push(package: &mut Map<String, Value>, key: &str, value: Value) {
    let list = package.entry(key.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(list) = list {
        list.push(value);
    }
}

#[cfg(test)]
mod tests {
    use crate::report::sbom::read_sbom;
    use crate::report::testing::{read_as, read_sound, read_text};
    use crate::report::{Options, Source, inventory};

    const DOCUMENT: &str = "# made by hand\nSPDXVersion: SPDX-2.3\nSPDXID: SPDXRef-DOCUMENT\nCreated: 2026-07-29T00:00:00Z\n\
        DocumentComment: <text>of\nmany lines: two</text>\n\nPackageName: shop\nSPDXID: SPDXRef-root\n\
        Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-root\n\nPackageName: alpine-keys\nSPDXID: SPDXRef-1\nPackageVersion: 2.1-r2\n\
        PackageLicenseDeclared: MIT\nExternalRef: PACKAGE-MANAGER purl pkg:apk/alpine/alpine-keys@2.1-r2?arch=x86_64\n\
        FileName: ./a\nSPDXID: SPDXRef-File\n";

    #[test]
    fn an_inventory_in_tags() {
        let read = read_sound("spdx", DOCUMENT);
        assert_eq!((read.findings.len(), read.report.categories.len()), (0, 0));
        let source = Source::Bytes(DOCUMENT.as_bytes().into());
        let (sbom, sha256, bytes) = read_sbom(&source, 1 << 20).unwrap();
        assert_eq!((sbom.components, bytes), (1, DOCUMENT.len() as u64));
        assert_eq!(sbom.licenses.keys().flatten().collect::<Vec<_>>(), ["MIT"]);
        let options = Options { max_report: 1 << 20, ..Options::default() };
        assert_eq!(inventory(&source, "spdx", &options, &sha256).len(), 1);
    }

    #[test]
    fn what_is_cut_or_something_else_is_refused() {
        for text in [
            "SPDXVersion: SPDX-2.3\nno tag at all\n",
            "SPDXVersion: SPDX-2.3\nSPDXID: x\nComment: <text>cut",
            "SPDXVersion: 2.3\nSPDXID: x\n",
        ] {
            assert!(read_as("spdx", text).error.is_some(), "{text}");
        }
        assert!(read_text("Some: text\n").error.is_some());
    }
}
