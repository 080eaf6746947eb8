//! CVSS as reports write it: scores as numbers or texts, and base scores of vectors of all versions.
//!
//! Only the base metrics of a vector are looked at: what somebody says of threat or environment never lowers it.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

use super::json::parse;
use super::value::{RawJson, ReportWord, Str};
use crate::finding::{CvssRating, Severity, Text};

/// A number; the decimal sign may be a comma. `None` for any other text, also for the names of infinity.
pub(super) fn score_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain =
        text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'-' | b'+' | b'e' | b'E'));
    let point = if text.contains('.') { Cow::Borrowed(text) } else { Cow::Owned(text.replacen(',', ".", 1)) };
    point.parse::<f64>().ok().filter(|number| plain && number.is_finite())
}

/// The level of a score (CVSS 3.1, table 14); `None` for a number that is no score.
pub(super) fn level_of_score(score: f64) -> Option<Severity> {
    Some(match score {
        s if !s.is_finite() || s < 0.0 => return None,
        s if s >= 9.0 => Severity::Critical,
        s if s >= 7.0 => Severity::High,
        s if s >= 4.0 => Severity::Medium,
        s if s > 0.0 => Severity::Low,
        _ => Severity::Info,
    })
}

/// A score as a report states it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) enum StatedScore {
    /// Nothing, or `null`.
    #[default]
    Absent,
    /// Something that is no number.
    Unusable,
    /// This number.
    Number(f64),
}

impl StatedScore {
    /// The number, if it is one.
    pub(super) fn number(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Absent | Self::Unusable => None,
        }
    }
}

impl<'de> Deserialize<'de> for StatedScore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawJson::deserialize(deserializer)?.0;
        let text: Option<Str<'de>> = raw.starts_with('"').then(|| parse(raw).ok()).flatten();
        let text = text.as_ref().map_or(raw, |text| &**text);
        Ok(match score_number(text) {
            Some(number) => Self::Number(number),
            None if raw == "null" => Self::Absent,
            None => Self::Unusable,
        })
    }
}

/// Base metrics of the versions 2.0, 3.x and 4.0.
const VERSION_2: &[&str] = &["AV", "AC", "Au", "C", "I", "A"];
const VERSION_3: &[&str] = &["AV", "AC", "PR", "UI", "S", "C", "I", "A"];
const VERSION_4: &[&str] = &["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"];

/// The base score of a vector; `None` for what is no vector, or has not all base metrics.
pub(super) fn rating_of_vector(written: &str) -> Option<CvssRating> {
    let text = written.trim().trim_matches(['(', ')', '/']);
    let headed = text.get(..5).filter(|head| head.eq_ignore_ascii_case("CVSS:")).and_then(|_| text.get(5..));
    let (version, metrics) = match (headed, text.strip_prefix("CVSS2#")) {
        (Some(rest), _) => rest.split_once('/').map(|(version, metrics)| (Some(version), metrics))?,
        (None, Some(metrics)) => (Some("2.0"), metrics),
        (None, None) => (None, text),
    };
    let of = |names: &[&str]| base_metrics(metrics, names);
    let (version, score) = match version {
        Some("2.0" | "2") => ("2.0", score_2(&of(VERSION_2)?)?),
        Some("3.0") => ("3.0", score_3("CVSS:3.0/", &of(VERSION_3)?)?),
        Some("3.1") => ("3.1", score_3("CVSS:3.1/", &of(VERSION_3)?)?),
        Some("4.0") => ("4.0", score_4(&of(VERSION_4)?)?),
        Some(_) => return None,
        // Without a head it is one of version 2, or one whose head a tool left out.
        None => match (of(VERSION_2), of(VERSION_3), of(VERSION_4)) {
            (Some(metrics), ..) => ("2.0", score_2(&metrics)?),
            (None, Some(metrics), _) => ("3.1", score_3("CVSS:3.1/", &metrics)?),
            (None, None, Some(metrics)) => ("4.0", score_4(&metrics)?),
            (None, None, None) => return None,
        },
    };
    let vector = Some(Text::line(written.trim()));
    Some(CvssRating { score, version: Some(Text::line(version)), vector, others: Vec::new() })
}

fn score_2(metrics: &str) -> Option<f64> {
    metrics.parse::<cvss::v2::Vector>().ok().map(|vector| vector.score().value())
}

fn score_3(head: &str, metrics: &str) -> Option<f64> {
    format!("{head}{metrics}").parse::<cvss::v3::Vector>().ok().map(|vector| vector.score().value())
}

fn score_4(metrics: &str) -> Option<f64> {
    format!("CVSS:4.0/{metrics}").parse::<cvss::v4::Vector>().ok().map(|vector| vector.score().value())
}

/// The metrics of these names, in this order; `None` where one is missing or given twice.
fn base_metrics(metrics: &str, names: &[&str]) -> Option<String> {
    let mut base = String::new();
    for name in names {
        let mut values = metrics.split('/').filter_map(|metric| {
            let (key, value) = metric.split_once(':')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_ascii_uppercase())
        });
        let value = values.next()?;
        if values.next().is_some() {
            return None;
        }
        if !base.is_empty() {
            base.push('/');
        }
        base.push_str(name);
        base.push(':');
        base.push_str(&value);
    }
    Some(base)
}

/// Statements of a report about one score: a number, a vector, or both. The number is the tool's, and so it counts.
pub(super) fn rating(score: StatedScore, version: &str, vector: &str) -> Option<CvssRating> {
    let computed = rating_of_vector(vector);
    match score.number().filter(|score| (0.0..=10.0).contains(score)) {
        Some(score) if score > 0.0 || computed.is_none() => {
            let version = Some(Text::line(version)).filter(|version| !version.is_empty());
            Some(CvssRating {
                score,
                version: version.or_else(|| computed.as_ref()?.version.clone()),
                vector: computed.and_then(|computed| computed.vector),
                others: Vec::new(),
            })
        }
        Some(_) | None => computed,
    }
}

/// The highest of several, with the others beside it.
pub(super) fn highest(ratings: impl IntoIterator<Item = CvssRating>) -> Option<CvssRating> {
    ratings.into_iter().reduce(|best, next| {
        let (mut best, other) = if next.score > best.score { (next, best) } else { (best, next) };
        best.add_other(other);
        best
    })
}

/// `{"score": 7.5, "vectorString": "CVSS:3.1/…"}`, as npm and GitHub write it.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ScoreAndVector<'a> {
    score: StatedScore,
    #[serde(borrow, rename = "vectorString")]
    vector: ReportWord<'a>,
}

impl ScoreAndVector<'_> {
    /// Its statement; npm writes 0 where it knows none.
    pub(super) fn rating(&self) -> Option<CvssRating> {
        rating(self.score, "", self.vector.as_str()).filter(|rating| rating.score > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_reports_write_them() {
        for (text, number) in [
            ("9.8", Some(9.8)),
            (" 9,8 ", Some(9.8)),
            ("10", Some(10.0)),
            ("0.0", Some(0.0)),
            ("1e400", None),
            ("inf", None),
            ("NaN", None),
            ("", None),
            ("9.8 (high)", None),
            ("1,000.5", None),
        ] {
            assert_eq!(score_number(text), number, "{text}");
        }
        for (raw, score) in [
            ("null", StatedScore::Absent),
            ("7.5", StatedScore::Number(7.5)),
            ("\"7,5\"", StatedScore::Number(7.5)),
            ("\"\"", StatedScore::Unusable),
            ("[7.5]", StatedScore::Unusable),
            ("1e400", StatedScore::Unusable),
        ] {
            assert_eq!(parse::<StatedScore>(raw).unwrap(), score, "{raw}");
        }
    }

    #[test]
    fn vectors_of_all_versions() {
        // Examples of the specifications' documents.
        for (vector, score, version) in [
            ("AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8, "2.0"),
            ("(AV:L/AC:H/Au:N/C:C/I:C/A:C/E:POC/RL:OF/RC:C)", 6.2, "2.0"),
            ("CVSS2#AV:N/AC:L/Au:N/C:C/I:C/A:C", 10.0, "2.0"),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1, "3.0"),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8, "3.1"),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:U/RL:O/RC:U/MC:N/MI:N/MA:N", 9.8, "3.1"),
            ("cvss:3.1/av:n/ac:l/pr:n/ui:n/s:u/c:h/i:h/a:h", 9.8, "3.1"),
            ("AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0, "3.1"),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 9.3, "4.0"),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:U/MVC:N", 9.3, "4.0"),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0, "3.1"),
        ] {
            let rating = rating_of_vector(vector).expect(vector);
            assert!((rating.score - score).abs() < 0.01, "{vector}: {}", rating.score);
            assert_eq!(rating.version.as_ref().map(Text::as_str), Some(version), "{vector}");
        }
    }

    #[test]
    fn what_is_no_whole_vector_has_no_score() {
        for text in [
            "",
            "x",
            "CVSS:3.1",
            "CVSS:3.1/AV:N",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H",
            "CVSS:3.1/AV:N/AV:L/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:5.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:4.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "SSVCv2/E:A/A:Y/T:T",
        ] {
            assert_eq!(rating_of_vector(text), None, "{text}");
        }
    }

    #[test]
    fn a_stated_score_outranks_the_vector_unless_it_says_nothing() {
        let vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
        let of = |score, vector| rating(score, "", vector).map(|rating| rating.score);
        assert_eq!(of(StatedScore::Number(5.0), vector), Some(5.0));
        assert_eq!(of(StatedScore::Number(0.0), vector), Some(9.8));
        assert_eq!(of(StatedScore::Unusable, vector), Some(9.8));
        assert_eq!(of(StatedScore::Number(0.0), ""), Some(0.0));
        assert_eq!(of(StatedScore::Number(98.0), "x"), None);
    }
}
