//! A CVSS score, as far as a report gives one.

use serde::{Deserialize, Serialize};

use super::{ExploitMaturity, Text};

/// The base score of a vulnerability. Of several in one report the highest counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CvssRating {
    /// Between 0 and 10.
    pub score: f64,
    /// Such as `3.1`, where the report says.
    pub version: Option<Text>,
    /// The vector that the score is made of, where the report has it.
    pub vector: Option<Text>,
    /// Other scores of the same report, by other versions or other people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherRating>,
}

/// A score beside the one that counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct OtherRating {
    /// Between 0 and 10.
    pub score: f64,
    /// Such as `3.1`, where the report says.
    pub version: Option<Text>,
    /// The vector that the score is made of, where the report has it.
    pub vector: Option<Text>,
}

impl CvssRating {
    /// Adds a score of the same report that does not count.
    pub fn add_other(&mut self, other: Self) {
        let Self { score, version, vector, others } = other;
        let other = OtherRating { score, version, vector };
        let known = |known: &OtherRating| *known == other;
        let counts =
            (self.score, &self.version, &self.vector) == (other.score, &other.version, &other.vector);
        if !counts && !self.others.iter().any(known) {
            self.others.push(other);
        }
        self.others.extend(others);
    }

    /// The highest score of a version for which `counts` is true.
    pub fn highest_of(&self, counts: impl Fn(Option<&str>) -> bool) -> Option<f64> {
        let all = self.others.iter().map(|other| (other.score, &other.version));
        let all = std::iter::once((self.score, &self.version)).chain(all);
        all.filter(|(_, version)| counts(version.as_ref().map(Text::as_str)))
            .map(|(score, _)| score)
            .reduce(f64::max)
    }

    /// How far exploits are, by the metric `E` of the vector that counts (exploit code maturity; exploit maturity in 4.0).
    pub fn exploit(&self) -> Option<ExploitMaturity> {
        let mut metrics = self.vector.as_ref()?.real().split('/');
        match metrics.find_map(|metric| metric.strip_prefix("E:"))?.trim_end_matches(')') {
            "U" => Some(ExploitMaturity::Unproven),
            "P" | "POC" => Some(ExploitMaturity::ProofOfConcept),
            "F" => Some(ExploitMaturity::Functional),
            "H" | "A" => Some(ExploitMaturity::High),
            _ => None,
        }
    }

    /// Its texts.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Text> {
        let others = self.others.iter().flat_map(|other| other.version.iter().chain(&other.vector));
        self.version.iter().chain(&self.vector).chain(others)
    }

    /// The same to be changed.
    pub(super) fn texts_mut(&mut self) -> impl Iterator<Item = &mut Text> {
        let others =
            self.others.iter_mut().flat_map(|other| other.version.iter_mut().chain(&mut other.vector));
        self.version.iter_mut().chain(&mut self.vector).chain(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rating(score: f64, version: &str, vector: &str) -> CvssRating {
        let text = |text: &str| Some(Text::line(text)).filter(|text| !text.is_empty());
        CvssRating { score, version: text(version), vector: text(vector), others: Vec::new() }
    }

    #[test]
    fn all_scores_are_kept_and_one_counts() {
        let mut best = rating(9.3, "4.0", "");
        for other in
            [rating(9.3, "4.0", ""), rating(9.8, "3.1", ""), rating(9.8, "3.1", ""), rating(7.5, "3.1", "")]
        {
            best.add_other(other);
        }
        assert_eq!(best.others.len(), 2);
        let of = |wanted: &str| best.highest_of(|version| version == Some(wanted));
        assert_eq!((of("4.0"), of("3.1"), of("2.0")), (Some(9.3), Some(9.8), None));
    }

    #[test]
    fn the_vector_tells_how_far_exploits_are() {
        for (vector, is) in [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:P", Some(ExploitMaturity::ProofOfConcept)),
            ("(AV:L/AC:H/Au:N/C:C/I:C/A:C/E:H)", Some(ExploitMaturity::High)),
            (
                "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:A",
                Some(ExploitMaturity::High),
            ),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:X", None),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", None),
        ] {
            assert_eq!(rating(1.0, "", vector).exploit(), is, "{vector}");
        }
    }
}
