//! Files of a given folder that may hold a report though they do not begin like one: packed ones, and those in which a
//! scanner's own lines stand before it.

use std::path::Path;

use super::nearby::REPORT_FOLDERS;
use crate::report::{self, Format, Source};

/// Bytes at a file's beginning in which a report is looked for.
const LOOK: usize = 256 << 10;
/// Places in these at which one is looked for.
const MOST_PLACES: usize = 64;

/// Endings of names of packed files that are not unpacked.
const PACKED: &[&str] = &["zip", "xz", "bz2", "7z", "zst", "tar", "tbz", "txz"];
/// What names of reports end in, and those that nothing else has.
const ENDINGS: &[&str] = &["json", "jsonl", "ndjson", "xml", "sarif", "cdx", "spdx", "bom"];
const SURE_ENDINGS: &[&str] = &["sarif", "cdx", "spdx"];
/// Words in names of reports, besides ids of formats.
const WORDS: &[&str] = &[
    "report",
    "reports",
    "scan",
    "scans",
    "findings",
    "vulnerabilities",
    "vulns",
    "sbom",
    "bom",
    "sarif",
    "sast",
    "dast",
    "secrets",
    "audit",
    "trivy",
];

/// How a packed file begins.
const MAGIC: &[&[u8]] = &[b"PK\x03\x04", b"\xfd7zXZ\0", b"BZh", b"7z\xbc\xaf\x27\x1c", b"\x28\xb5\x2f\xfd"];

/// Whether a file is packed, by its first bytes and its name: an office document or a Java archive is not meant.
pub(super) fn is_packed(name: &str, source: &Source) -> bool {
    ends_in(name, PACKED).is_some()
        && source.head(262).is_some_and(|head| {
            MAGIC.iter().any(|magic| head.starts_with(magic)) || head.get(257..) == Some(b"ustar")
        })
}

/// Whether a packed file may hold a report, by its name without the endings of packing, its folder, or the first name
/// in a zip archive.
pub(super) fn may_be_packed_report(path: &Path, source: &Source) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let mut name = name.as_str();
    while let Some(rest) = ends_in(name, PACKED) {
        name = rest;
    }
    let folder = path.parent().and_then(Path::file_name).and_then(|folder| folder.to_str());
    is_called_so(name, folder) || first_in_zip(source).is_some_and(|first| is_called_so(&first, None))
}

/// The name without one of these endings.
fn ends_in<'n>(name: &'n str, endings: &[&str]) -> Option<&'n str> {
    let (rest, end) = name.rsplit_once('.')?;
    endings.contains(&end).then_some(rest)
}

/// Whether a file is called as scanners' reports are. `package.json` and `data.xml` are not.
fn is_called_so(name: &str, folder: Option<&str>) -> bool {
    let Some(rest) = ends_in(name, ENDINGS) else { return false };
    let is_format = |format: &&Format| format.id.len() >= 3 && rest.contains(format.id);
    ends_in(name, SURE_ENDINGS).is_some()
        || ends_in(rest, SURE_ENDINGS).is_some()
        || rest.split(|c: char| !c.is_alphanumeric()).any(|word| WORDS.contains(&word))
        || report::FORMATS.iter().any(is_format)
        || folder.is_some_and(|folder| REPORT_FOLDERS.contains(&folder.to_ascii_lowercase().as_str()))
}

/// The name of the first file in a zip archive, without its folder.
fn first_in_zip(source: &Source) -> Option<String> {
    let head = source.head(1024)?;
    let header = head.strip_prefix(b"PK\x03\x04")?;
    let length = u16::from_le_bytes([*header.get(22)?, *header.get(23)?]);
    let name = header.get(26..26 + usize::from(length))?;
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    Some(name.rsplit('/').next().unwrap_or_default().to_owned())
}

/// Whether a report that a reader claims begins after other text: a log, `)]}'`.
pub(super) fn has_prefix(source: &Source) -> bool {
    let Some(head) = source.head(LOOK).filter(|head| !head.contains(&0)) else { return false };
    let is_begin = |byte: u8| matches!(byte, b'{' | b'[' | b'<');
    let mut places = Vec::new();
    let mut begin = 0;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let first = line.iter().position(|byte| !byte.is_ascii_whitespace());
        let first = first.filter(|at| line.get(*at).is_some_and(|byte| is_begin(*byte)));
        let object = line.iter().position(|byte| *byte == b'{').filter(|at| Some(*at) != first);
        places.extend(first.into_iter().chain(object).map(|at| begin + at));
        begin += line.len();
    }
    places
        .into_iter()
        .filter(|at| *at > 0)
        .take(MOST_PLACES)
        .any(|at| head.get(at..).is_some_and(|rest| report::claimed(&Source::Bytes(rest.into()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_reports_are_told_from_packed_data() {
        let may_be = |path: &str| may_be_packed_report(Path::new(path), &Source::Bytes(Vec::new().into()));
        for report in [
            "a/semgrep.json.xz",
            "a/x.sarif.zst",
            "reports/today.xml.bz2",
            "a/bom.cdx.json.7z",
            "gl-sast-report.json.zip",
        ] {
            assert!(may_be(report), "{report}");
        }
        for other in ["node_modules.zip", "a/data.json.xz", "a/trivy_0.60_Linux-64bit.tar.zst", "backup.7z"] {
            assert!(!may_be(other), "{other}");
        }
        let zip = |name: &str| {
            let mut bytes = b"PK\x03\x04".to_vec();
            bytes.extend([0; 22]);
            bytes.extend([u8::try_from(name.len()).unwrap(), 0, 0, 0]);
            bytes.extend(name.as_bytes());
            // The length stands at 26, the name at 30.
            assert_eq!(bytes.get(30..), Some(name.as_bytes()));
            may_be_packed_report(Path::new("artifacts.zip"), &Source::Bytes(bytes.into()))
        };
        assert!(zip("out/gl-sast-report.json") && !zip("node_modules/a/package.json"));
    }

    #[test]
    fn a_report_after_other_lines_is_found() {
        let report = r#"{"version":"1","results":[],"errors":[],"paths":{"scanned":["a"]}}"#;
        let holds = |text: String| has_prefix(&Source::Bytes(text.into_bytes().into()));
        for prefix in ["INFO scanning\n", ")]}'\n", ")]}'", "[INFO] scanning\n[INFO] done: "] {
            assert!(holds(format!("{prefix}{report}")), "{prefix}");
        }
        assert!(!holds("INFO\n{\"a\": 1}\n[1]\n<b/>".to_owned()) && !holds("all:\n\techo {\n".to_owned()));
    }
}
