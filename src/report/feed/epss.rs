//! FIRST's EPSS scores, the daily CSV file: a comment `#model_version:v2025.03.14,score_date:2026-11-24T12:00:27Z`,
//! the header `cve,epss,percentile`, and a line a CVE (about 300,000). The first files, of 2021, have no comment.

use super::super::{Generated, Json, ReadError, Source};
use super::{FeedContent, FeedFile, generated, read_feed};
use crate::finding::{Cve, clean_line};

/// Scores between 0 and 1, sorted by CVE, each once.
#[derive(Debug, Default)]
pub struct Scores(pub Vec<(Cve, f64)>);

/// Reads a file of at most `max` bytes, packed or not.
pub fn read_epss(source: &Source, max: u64) -> Result<FeedFile<Scores>, ReadError> {
    read_feed(source, max, scores)
}

fn scores(json: &mut Json) -> Result<FeedContent<Scores>, ReadError> {
    let (mut made, mut model) = (Generated::Unknown, String::new());
    let mut header = false;
    let mut all: Vec<(Cve, f64)> = Vec::new();
    while let Some(line) = json.line()? {
        let fits = line.text(|line| {
            if let Some(comment) = line.strip_prefix('#') {
                for (key, value) in comment.split(',').filter_map(|part| part.split_once(':')) {
                    match key.trim() {
                        "score_date" => made = generated(value),
                        "model_version" => model = clean_line(value).into_owned(),
                        _ => {}
                    }
                }
                return all.is_empty();
            }
            if !header {
                header = line.trim_end() == "cve,epss,percentile";
                return header;
            }
            all.extend(scored(line));
            scored(line).is_some()
        })?;
        if !fits {
            return Err(if header {
                json.shape("the line before is no `CVE,SCORE,PERCENTILE` with numbers from 0 to 1")
            } else {
                json.shape("an EPSS file begins with a comment and the header `cve,epss,percentile`")
            });
        }
    }
    if all.is_empty() {
        return Err(if header { json.shape("the EPSS file holds no score") } else { ReadError::Empty });
    }
    // They come in the order of their years and as texts within one.
    all.sort_unstable_by_key(|(cve, _)| *cve);
    let before = all.len();
    all.dedup();
    if let Some([(cve, _), _]) = all.array_windows::<2>().find(|[(a, _), (b, _)]| a == b) {
        return Err(json.shape(&format!("the EPSS file gives {cve} two scores")));
    }
    all.shrink_to(before);
    Ok((Scores(all), made, format!("EPSS {model}").trim_end().to_owned()))
}

/// A line of the list.
fn scored(line: &str) -> Option<(Cve, f64)> {
    let mut fields = line.trim_end().split(',');
    let cve = Cve::parse(fields.next()?)?;
    let mut probability = || {
        let text = fields.next()?;
        // `nan` and `inf` are numbers to Rust.
        let digit = text.bytes().next().is_some_and(|b| b.is_ascii_digit());
        text.parse::<f64>().ok().filter(|n| digit && (0.0..=1.0).contains(n))
    };
    let (score, _percentile) = (probability()?, probability()?);
    fields.next().is_none().then_some((cve, score))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    const HEAD: &str = "#model_version:v2025.03.14,score_date:2026-05-31T12:00:27Z\ncve,epss,percentile\n";

    fn epss(bytes: &[u8]) -> Result<FeedFile<Scores>, ReadError> {
        read_epss(&Source::Bytes(bytes.into()), 1 << 20)
    }

    fn shown(feed: &FeedFile<Scores>) -> Vec<(String, f64)> {
        feed.holds.0.iter().map(|(cve, score)| (cve.to_string(), *score)).collect()
    }

    #[test]
    fn scores_are_read_packed_or_not() {
        let text =
            format!("{HEAD}CVE-1999-0001,0.0142,0.7991\r\nCVE-2014-0160,0.9446,1.0\nCVE-2026-1,1e-05,0.0\n");
        let expected = [
            ("CVE-1999-0001".to_owned(), 0.0142),
            ("CVE-2014-0160".to_owned(), 0.9446),
            ("CVE-2026-0001".to_owned(), 1e-5),
        ];
        let plain = epss(text.as_bytes()).unwrap();
        assert_eq!(shown(&plain), expected);
        assert_eq!(plain.generated, Generated::At("2026-05-31T12:00:27Z".parse().unwrap()));
        assert_eq!(plain.edition, "EPSS v2025.03.14");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        assert_eq!(shown(&epss(&packed).unwrap()), expected);
        assert!(epss(&packed[..packed.len() - 9]).is_err());
    }

    #[test]
    fn the_date_has_several_forms() {
        for (date, time) in [
            ("2026-05-31T00:00:00+0000", Some("2026-05-31T00:00:00Z")),
            ("2026-05-31", Some("2026-05-31T00:00:00Z")),
            ("yesterday", None),
        ] {
            let text =
                format!("#model_version:v1,score_date:{date}\ncve,epss,percentile\nCVE-2026-1,0.1,0.2\n");
            let expected = time.map_or(Generated::Unreadable, |time| Generated::At(time.parse().unwrap()));
            assert_eq!(epss(text.as_bytes()).unwrap().generated, expected, "{date}");
        }
        let old = epss(b"cve,epss,percentile\nCVE-2026-1,0.1,0.2").unwrap();
        assert_eq!(old.generated, Generated::Unknown);
    }

    #[test]
    fn what_is_no_list_of_scores_is_an_error() {
        for text in [
            String::new(),
            "\n\n".to_owned(),
            HEAD.to_owned(),
            "CVE-2026-1,0.1,0.2\n".to_owned(),
            "cve,percentile,epss\nCVE-2026-1,0.1,0.2\n".to_owned(),
            format!("{HEAD}CVE-2026-1,0.1\n"),
            format!("{HEAD}CVE-2026-1,0.1,0.2,0.3\n"),
            format!("{HEAD}CVE-2026-1,1.1,0.2\n"),
            format!("{HEAD}CVE-2026-1,-0.1,0.2\n"),
            format!("{HEAD}CVE-2026-1,nan,0.2\n"),
            format!("{HEAD}CVE-2026-1,,0.2\n"),
            format!("{HEAD}GHSA-x,0.1,0.2\n"),
            format!("{HEAD}CVE-2026-1,0.1,0.2\nCVE-2026-2,0."),
            format!("{HEAD}CVE-2026-1,0.1,0.2\nCVE-2026-1,0.3,0.2\n"),
            format!("{HEAD}CVE-2026-1,0.1,0.2\n#model_version:v2\n"),
            "<html>rate limited</html>".to_owned(),
            "{\"status\":\"OK\",\"data\":[]}".to_owned(),
        ] {
            assert!(epss(text.as_bytes()).is_err(), "{text}");
        }
    }
}
