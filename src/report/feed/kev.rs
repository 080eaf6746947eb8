//! CISA's catalogue of known exploited vulnerabilities, the JSON file (schema `known_exploited_vulnerabilities`).

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;

use super::super::field::text;
use super::super::json::{Json, JsonKind, shapes};
use super::super::value::ReportWord;
use super::super::{Generated, ReadError, Source};
use super::{FeedContent, FeedFile, generated, read_feed};
use crate::finding::{Cve, clean_line};

/// Contents of a catalogue.
#[derive(Debug, Default)]
pub struct KevCatalogue {
    /// Its CVEs, sorted, each once.
    pub cves: Vec<Cve>,
    /// The day on which a CVE was added, where it says.
    pub added: BTreeMap<Cve, Date>,
}

/// Reads a catalogue of at most `max` bytes.
pub fn read_kev(source: &Source, max: u64) -> Result<FeedFile<KevCatalogue>, ReadError> {
    read_feed(source, max, catalogue)
}

fn catalogue(json: &mut Json) -> Result<FeedContent<KevCatalogue>, ReadError> {
    let mut listed: Option<Vec<Cve>> = None;
    let mut added = BTreeMap::new();
    let (mut entries, mut count) = (0_u64, None);
    let (mut released, mut version) = (Generated::Unknown, String::new());
    json.object(|json, key| match key {
        "vulnerabilities" => {
            let mut all = Vec::new();
            json.array(|json, _| {
                let (cve, day) = json.item::<KevEntry<'static>, _>(|entry| {
                    (Cve::parse(entry.cve_id.as_str()), entry.date_added.as_str().parse::<Date>().ok())
                })?;
                let cve = cve.ok_or_else(|| {
                    json.shape("an entry of the KEV catalogue has `cveID`, such as CVE-2021-44228")
                })?;
                added.extend(day.map(|day| (cve, day)));
                all.push(cve);
                entries += 1;
                Ok(())
            })?;
            listed = Some(all);
            Ok(())
        }
        "count" if json.kind()? == JsonKind::Number => {
            count = Some(json.with_value::<serde_json::Value, _>(|count| count.as_u64())?);
            Ok(())
        }
        "dateReleased" if json.kind()? == JsonKind::String => {
            released = generated(&text(json)?);
            Ok(())
        }
        "catalogVersion" if json.kind()? == JsonKind::String => {
            version = clean_line(&text(json)?).into_owned();
            Ok(())
        }
        _ => json.skip(),
    })?;
    let Some(mut listed) = listed else {
        return Err(json.shape("a KEV catalogue has the key `vulnerabilities`"));
    };
    if listed.is_empty() {
        return Err(json.shape("the KEV catalogue is empty"));
    }
    match count.flatten() {
        Some(count) if count == entries => {}
        Some(count) => {
            let message =
                format!("the KEV catalogue says `count` {count} and holds {entries}: it was cut or changed");
            return Err(json.shape(&message));
        }
        None => return Err(json.shape("a KEV catalogue has the key `count`, which shows that it is whole")),
    }
    listed.sort_unstable();
    listed.dedup();
    Ok((KevCatalogue { cves: listed, added }, released, format!("KEV {version}").trim_end().to_owned()))
}

shapes!(KevEntry);

#[derive(Deserialize)]
struct KevEntry<'a> {
    #[serde(borrow, default, rename = "cveID")]
    cve_id: ReportWord<'a>,
    #[serde(borrow, default, rename = "dateAdded")]
    date_added: ReportWord<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kev(text: &str) -> Result<FeedFile<KevCatalogue>, ReadError> {
        read_kev(&Source::Bytes(text.as_bytes().into()), 1 << 20)
    }

    #[test]
    fn a_catalogue_lists_cves() {
        let feed = kev(
            r#"{"title":"t","catalogVersion":"2026.05.31","dateReleased":"2026-05-31T10:00:00.1234Z","count":2,
                "vulnerabilities":[{"cveID":"CVE-2021-44228","dateAdded":"2021-12-10","cwes":[]},{"cveID":"CVE-2014-0160"}]}"#,
        )
        .unwrap();
        let all: Vec<String> = feed.holds.cves.iter().map(ToString::to_string).collect();
        assert_eq!(all, ["CVE-2014-0160", "CVE-2021-44228"]);
        assert_eq!(feed.generated, Generated::At("2026-05-31T10:00:00.1234Z".parse().unwrap()));
        assert_eq!(feed.edition, "KEV 2026.05.31");
        let added: Vec<String> = feed.holds.added.values().map(ToString::to_string).collect();
        assert_eq!(added, ["2021-12-10"]);
    }

    #[test]
    fn a_cut_or_foreign_catalogue_is_no_catalogue() {
        for text in [
            "{}",
            "[]",
            r#"{"count":0,"vulnerabilities":[]}"#,
            r#"{"vulnerabilities":[{"cveID":"CVE-2021-44228"}]}"#,
            r#"{"count":2,"vulnerabilities":[{"cveID":"CVE-2021-44228"}]}"#,
            r#"{"count":1,"vulnerabilities":[{"cveID":"x"}]}"#,
            r#"{"count":1,"vulnerabilities":[{}]}"#,
            r#"{"count":1,"vulnerabilities":[["CVE-2021-44228"]]}"#,
            r#"{"count":1,"vulnerabilities":null}"#,
            r#"{"count":1,"vulnerabilities":[{"cveID":"CVE-2021-44228"}],"vulnerabilities":[]}"#,
            r#"{"count":1,"vulnerabilities":[{"cveID":"CVE-2021-44228"}]"#,
        ] {
            assert!(kev(text).is_err(), "{text}");
        }
    }
}
