//! Deadlines: how long a finding of each severity may stay.

use jiff::Timestamp;

use super::super::error::PolicyProblems;
use super::super::written::{At, DeadlineStart, WrittenDeadlines};
use super::SelectorContext;
use super::criterion::{Answer, Criterion, CriterionFacts, Lacking, SelectorReferences};
use super::kinds::seen_for;
use crate::finding::{Attribute, Finding, Fix, Severity, short_duration};
use crate::policy::diagnostics::PolicyDiagnostic;

/// Levels that may have a deadline, the worst first.
const LEVELS: [Severity; 5] =
    [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

/// Deadlines, in seconds from a moment of the finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Of each of the levels, from the worst; a level without one may stay.
    pub levels: [Option<i64>; LEVELS.len()],
    /// Of what is known to be exploited, where that is sooner.
    pub kev: Option<i64>,
    /// The moment.
    pub from: DeadlineStart,
    /// So long before its deadline a finding counts already.
    pub within: i64,
}

/// A published rule of deadlines.
struct Preset {
    name: &'static str,
    /// Days of each level, from the worst; 0 for none.
    days: [i64; LEVELS.len()],
    from: DeadlineStart,
}

/// Presets with their source.
const PRESETS: [Preset; 2] = [
    // PCI DSS v4.0.1 (June 2024), requirement 6.3.3: patches for critical vulnerabilities within one month of release.
    Preset { name: "pci-dss-6.3.3", days: [30, 0, 0, 0, 0], from: DeadlineStart::FixAvailable },
    // FedRAMP Continuous Monitoring Performance Management Guide v3.0 (2023): high 30, moderate 90, low 180 days from
    // discovery; critical counts as high.
    Preset { name: "fedramp-conmon", days: [30, 30, 90, 180, 0], from: DeadlineStart::FirstSeen },
];

const DAY: i64 = 86_400;

impl Deadlines {
    /// Time that a finding of a level has.
    fn of_level(&self, level: Severity) -> Option<i64> {
        LEVELS.iter().zip(self.levels).find(|(known, _)| **known == level).and_then(|(_, time)| time)
    }

    /// Seconds since the moment from which a finding's time counts.
    fn age(&self, finding: &Finding, now: i64) -> Option<i64> {
        match self.from {
            DeadlineStart::FirstSeen => seen_for(finding, now),
            DeadlineStart::Published => finding.published.map(|at| now - at),
            DeadlineStart::FixAvailable => finding.fix_since.map(|at| now - at).filter(|age| *age >= 0),
        }
    }

    /// The time that a finding has, if its exploitation is as given.
    fn time(&self, finding: &Finding, exploited: bool, unknown_severity: Severity) -> Option<i64> {
        let level = if finding.severity == Severity::Unknown { unknown_severity } else { finding.severity };
        let sooner = self.kev.filter(|_| exploited);
        match (self.of_level(level), sooner) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Whether the deadline of a finding has come.
    fn reached(&self, finding: &Finding, around: SelectorContext<'_>) -> Answer {
        if self.from == DeadlineStart::FixAvailable && finding.fix == Fix::None {
            return Answer::No;
        }
        let over = |exploited: bool| {
            let Some(time) = self.time(finding, exploited, around.unknown_severity) else {
                return Answer::No;
            };
            let age = self.age(finding, around.now);
            Answer::of(age.map(|age| age >= time.saturating_sub(self.within)))
        };
        match (self.kev, finding.kev) {
            (None, _) => over(false),
            (Some(_), Some(exploited)) => over(exploited),
            // Nobody knows whether it is exploited.
            (Some(_), None) => match (over(false), over(true)) {
                (Answer::No, Answer::No) => Answer::No,
                (Answer::Yes, _) => Answer::Yes,
                _ => Answer::Unknown,
            },
        }
    }

    /// The moment at which a finding's time is up, in seconds since 1970 UTC; `None` where it may stay, or where the date from
    /// which its time counts is not known. What may be exploited counts as exploited.
    pub fn due(&self, finding: &Finding, now: i64, unknown_severity: Severity) -> Option<i64> {
        if self.from == DeadlineStart::FixAvailable && finding.fix == Fix::None {
            return None;
        }
        let time = self.time(finding, finding.kev != Some(false), unknown_severity)?;
        Some(now.saturating_sub(self.age(finding, now)?).saturating_add(time))
    }

    fn shown(&self) -> String {
        let level = |(level, time): (&Severity, Option<i64>)| {
            time.map(|time| format!("{level} {}", short_duration(time)))
        };
        let mut parts: Vec<String> = LEVELS.iter().zip(self.levels).filter_map(level).collect();
        parts.extend(self.kev.map(|time| format!("kev {}", short_duration(time))));
        parts.push(format!("from {}", self.from.as_str()));
        if self.within > 0 {
            parts.push(format!("{} before", short_duration(self.within)));
        }
        parts.join(", ")
    }
}

/// Findings whose deadline has come.
pub(crate) struct DueIs;

impl Criterion for DueIs {
    type Written = WrittenDeadlines;
    type Value = Option<Deadlines>;
    const FACTS: CriterionFacts = CriterionFacts {
        lacking: Lacking::Told,
        attribute: Some(Attribute::Age),
        of_run: true,
        ..CriterionFacts::known(&[
            "{critical: 7d, high: 20d, from: published}",
            "{high: 20d, critical: 20d, medium: 30d, from: fix_available}",
            "{critical: 10d, kev: 5d, within: 3d, from: published}",
        ])
    };

    fn check(
        written: At<Self::Written>,
        key: &'static str,
        references: SelectorReferences<'_>,
        problems: &mut PolicyProblems,
    ) -> Option<Self::Value> {
        let At { at, value } = written;
        if references.inside_not {
            problems.add(at, PolicyDiagnostic::DueWithinNot { key });
        }
        let within = value.within.as_ref().map_or(0, |time| time.value.0);
        let given = [&value.critical, &value.high, &value.medium, &value.low, &value.info];
        let mut levels = given.map(|time| time.as_ref().map(|time| time.value.0));
        let mut from = value.from.as_ref().map_or(DeadlineStart::FirstSeen, |from| from.value);
        if let Some(preset) = &value.preset {
            let known: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
            let Some(found) = PRESETS.iter().find(|known| known.name == preset.value) else {
                let (key, shown) = (key.to_owned(), super::super::error::quoted(&preset.value));
                let diagnostic = PolicyDiagnostic::UnknownInSelector { key, what: "preset", shown };
                problems.unknown(preset.at, diagnostic, &preset.value, &known);
                return None;
            };
            if levels.iter().any(Option::is_some) || value.from.is_some() {
                problems.add(preset.at, PolicyDiagnostic::PresetAndDeadlines);
            }
            levels = found.days.map(|days| (days > 0).then_some(days * DAY));
            from = found.from;
        }
        let kev = value.kev.as_ref().map(|time| time.value.0);
        if levels.iter().all(Option::is_none) && kev.is_none() {
            problems.add(at, PolicyDiagnostic::NoDeadline { key: key.to_owned() });
        }
        // What gets worse must not get more time.
        for pair in levels.windows(2) {
            let [worse, milder] = pair else { continue };
            let longer = milder.is_some_and(|time| worse.is_none_or(|worse| worse > time));
            if longer {
                problems.add(at, PolicyDiagnostic::MilderDueSooner { key: key.to_owned() });
                break;
            }
        }
        Some(Some(Deadlines { levels, kev, from, within }))
    }

    fn is_given(value: &Self::Value) -> bool {
        value.is_some()
    }

    fn answer(value: &Self::Value, finding: &Finding, around: SelectorContext<'_>) -> Answer {
        value.as_ref().map_or(Answer::Yes, |deadlines| deadlines.reached(finding, around))
    }

    fn wanted(value: &Self::Value) -> String {
        value.as_ref().map(Deadlines::shown).unwrap_or_default()
    }

    fn said(finding: &Finding, around: SelectorContext<'_>) -> Option<String> {
        let since = |age: Option<i64>, what: &str| age.map(|age| format!("{what} {}", day(around.now - age)));
        let dates = [
            since(seen_for(finding, around.now), "first seen"),
            since(finding.published.map(|at| around.now - at), "published"),
            since(finding.fix_since.map(|at| around.now - at), "fix available"),
        ];
        let told: Vec<String> = dates.into_iter().flatten().collect();
        (!told.is_empty()).then(|| told.join(", "))
    }

    /// Each level keeps at most the time it had, counted from the same moment.
    fn narrower(before: &Self::Value, after: &Self::Value) -> Option<(String, String)> {
        let is = after.as_ref()?;
        let shown = |value: &Self::Value| value.as_ref().map_or_else(|| "any".to_owned(), Deadlines::shown);
        let no_longer =
            |was: Option<i64>, is: Option<i64>| was.is_none_or(|was| is.is_some_and(|is| is <= was));
        let kept = before.as_ref().is_some_and(|was| {
            was.from == is.from
                && was.within <= is.within
                && was.levels.iter().zip(is.levels).all(|(was, is)| no_longer(*was, is))
                // Another set of the exploited is known of other findings.
                && was.kev == is.kev
        });
        (!kept).then(|| (shown(before), shown(after)))
    }

    /// What gets worse is due sooner: it would be let go of.
    fn refused_inside_not(value: &Self::Value) -> Option<PolicyDiagnostic> {
        value.map(|_| PolicyDiagnostic::DueWithinNot { key: "due" })
    }

    fn needs(value: &Self::Value, feed: super::super::Feed) -> bool {
        feed == super::super::Feed::Kev && value.is_some_and(|deadlines| deadlines.kev.is_some())
    }

    #[cfg(test)]
    fn vary(finding: &mut Finding, n: u8) {
        finding.published = [None, Some(2_900_000), Some(1_500_000), Some(100_000)][usize::from(n) % 4];
    }
}

/// The day of a moment in seconds since 1970, UTC.
fn day(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(
        |_| "unknown".to_owned(),
        |time| jiff::tz::Offset::UTC.to_datetime(time).date().to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Category;

    #[test]
    fn a_deadline_comes_and_what_has_no_date_is_overdue() {
        let deadlines = Some(Deadlines {
            levels: [Some(7 * DAY), Some(30 * DAY), None, None, None],
            kev: Some(3 * DAY),
            from: DeadlineStart::Published,
            within: 0,
        });
        let around =
            SelectorContext { now: 100 * DAY, ..SelectorContext::without_report(Severity::Critical) };
        let answer = |severity, published: Option<i64>, kev| {
            let plain = Finding::new(Category::Vulnerability, "t", "CVE-2026-1", severity);
            let finding = Finding { published: published.map(|day| day * DAY), kev, ..plain };
            DueIs::answer(&deadlines, &finding, around)
        };
        assert_eq!(answer(Severity::Critical, Some(93), Some(false)), Answer::Yes);
        assert_eq!(answer(Severity::Critical, Some(94), Some(false)), Answer::No);
        assert_eq!(answer(Severity::High, Some(94), Some(true)), Answer::Yes);
        assert_eq!(answer(Severity::High, Some(94), None), Answer::Unknown);
        assert_eq!(answer(Severity::High, None, Some(false)), Answer::Unknown);
        assert_eq!(answer(Severity::Medium, None, Some(false)), Answer::No);
        assert_eq!(answer(Severity::Unknown, Some(93), Some(false)), Answer::Yes);
    }
}
