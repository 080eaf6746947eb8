//! The waiver file as written: every map of the YAML with its keys, read by the machinery of the policy.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::{Schema, SchemaGenerator, json_schema};

use super::super::error::{PolicyProblems, listed, quoted};
use super::super::written::map::{described, key, known_keys, needed, unknown_key, written};
use super::super::written::node::{Node, NodeKind};
use super::super::written::{At, Day, FromNode, Many, Name, PositiveCount, Prose, Vocabulary, words, wrong};
use super::{Trigger, VexJustification};
use crate::finding::{Fix, Severity};
use crate::policy::diagnostics::PolicyDiagnostic;

words! {
    Urgency { "emergency" = Emergency }
}

impl Vocabulary for VexJustification {
    fn words() -> Vec<(&'static str, Self)> {
        Self::ALL.iter().map(|word| (word.as_str(), *word)).collect()
    }
}

/// The one word of `kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    Emergency,
}

written! {
    /// Exceptions to rules.
    File as "the waiver file" {
        /// Version of the file: 1.
        must version: WaiverFileVersion,
        /// The exceptions; an empty list is none.
        must waivers: LenientList<Waiver>,
    }

    /// One exception: exact rule, reason, owner, compensating controls, expiry and review trigger.
    Waiver as "a waiver" {
        /// Unique in all waiver files.
        must id: Name,
        /// GATE/RULE, or a list of them; no wildcard.
        must rule: Many<Name>,
        /// Which findings it is about.
        must r#match: Match,
        /// Why the risk can be taken.
        must reason: Prose,
        /// Who answers for it.
        must owner: PersonName,
        /// Who allowed it; another person than the owner.
        must approved_by: PersonName,
        /// Measures that keep the risk small meanwhile.
        must compensating_controls: Many<Prose>,
        /// The day it was written; never in the future.
        must created: Moment,
        /// Its last day, UTC.
        must expires: Moment,
        /// Events that end it early: `fix_available`, `kev`, `epss>=X`, `severity_raised`.
        must review_trigger: Many<Trigger>,
        /// For people.
        may review_note: Prose,
        /// The state when it was written; `secgate waiver new` fills it.
        may seen: Seen,
        /// Globs of the paths of the projects that it is for, such as `group/**`, where several share the file; default all.
        may projects: Many<Name>,
        /// Why a finding does not affect the project, as `OpenVEX` words it; `secgate waiver export --openvex` then says `not_affected`.
        may justification: VexJustification,
        /// How much it may cover before it stops covering; default `seen.matches`, else 1.
        may max_matches: PositiveCount,
        /// `emergency`: 72 hours at most; `created` and `expires` may be times.
        may kind: Urgency,
    }

    /// Which findings a waiver is about: `fingerprint`, `ids`, or `rule_id` with `path`; compared exactly. Where a report
    /// does not tell one finding from another, `content` does, and without it nothing is covered.
    Match as "`match`" {
        /// Fingerprints, `sg1:` and 32 hexadecimal digits.
        may fingerprint: Many<Name>,
        /// Vulnerability ids, of which the finding has one; never a CWE.
        may ids: Many<Name>,
        /// The scanner's id of the check; needs `path`.
        may rule_id: Name,
        /// The path of the file; alone it only narrows.
        may path: Name,
        /// The package by its name, in any spelling of its ecosystem, or by a package URL; only narrows.
        may package: Name,
        /// The version of the package; only narrows.
        may version: Name,
        /// Digest of what tells the finding apart beyond its report, 16 hexadecimal digits: the code, or the value of a
        /// secret under `--secret-key`; `secgate waiver new` fills it.
        may content: Name,
        /// The name of the scanner; only narrows.
        may tool: Name,
    }

    /// The state when the waiver was written.
    Seen as "`seen`" {
        /// The worst severity.
        may severity: Severity,
        /// Whether a fix was available.
        may fix: Fix,
        /// How many matches it had: ids with package, version and file; a finding without package by itself.
        may matches: PositiveCount,
    }
}

/// `version: 1`.
#[derive(Debug)]
pub(crate) struct WaiverFileVersion;

impl FromNode for WaiverFileVersion {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        if node.plain() == Some("1") {
            return Some(Self);
        }
        wrong(node, key, "1, the version of waiver files that this build reads", problems);
        None
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"const": 1})
    }
}

/// A list that may be empty, whose items are read as far as they can be.
#[derive(Debug)]
pub(crate) struct LenientList<T>(pub(crate) Vec<At<T>>);

impl<T: FromNode> FromNode for LenientList<T> {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let NodeKind::List(items) = &node.kind else {
            wrong(node, key, "a list (`[]` if there is none)", problems);
            return None;
        };
        Some(Self(items.iter().filter_map(|item| At::from_node(item, key, problems)).collect()))
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let item = T::schema(generator);
        json_schema!({"type": "array", "items": item})
    }
}

/// A person or a team.
#[derive(Debug)]
pub(crate) struct PersonName(pub(crate) String);

impl FromNode for PersonName {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        // Without quotes YAML takes these for other things than names, and none of them answers for anything.
        let no_name = ["true", "false", "yes", "no", "none", "nobody", "n/a", "tbd", "todo", "unknown"];
        let name = Name::from_node(node, key, problems)?;
        let bare = name.trim_start_matches('@').trim().to_lowercase();
        if !bare.chars().any(char::is_alphabetic) || no_name.contains(&bare.as_str()) {
            wrong(node, key, "a person or a team such as `\"@payments-lead\"`", problems);
            return None;
        }
        // GitLab's user names are ASCII: another letter that looks the same would be somebody else.
        if name.trim_start().starts_with('@') && !name.is_ascii() {
            wrong(node, key, "a user name of GitLab, in letters from a to z", problems);
            return None;
        }
        Some(Self(name))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1})
    }
}

/// A day, or for emergencies a time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    Day(Date),
    Time(Timestamp),
}

impl FromNode for Moment {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let Some(text) = node.text().filter(|text| text.contains('T')) else {
            return Day::from_node(node, key, problems).map(|day| Self::Day(day.0));
        };
        // One spelling, so that nothing is guessed: UTC, whole seconds, no leap second.
        let shape = text.len() == 20
            && text.bytes().zip(*b"0000-00-00T00:00:00Z").all(|(is, form)| match form {
                b'0' => is.is_ascii_digit(),
                form => is == form,
            });
        let time = Some(text).filter(|text| shape && !text.ends_with(":60Z")).and_then(|t| t.parse().ok());
        if time.is_none() {
            wrong(
                node,
                key,
                "a day such as `2027-01-31`, or a time such as `2027-01-31T12:00:00Z`",
                problems,
            );
        }
        time.map(Self::Time)
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?$"})
    }
}

/// The closed list of triggers.
const TRIGGERS: [&str; 4] = ["fix_available", "kev", "severity_raised", "epss>=0.5"];

impl FromNode for Trigger {
    fn from_node(node: &Node, key: &str, problems: &mut PolicyProblems) -> Option<Self> {
        let Some(text) = node.text() else {
            wrong(node, key, &format!("one of {}", listed(&TRIGGERS)), problems);
            return None;
        };
        match text {
            "fix_available" => return Some(Self::FixAvailable),
            "kev" => return Some(Self::Kev),
            "severity_raised" => return Some(Self::SeverityRaised),
            _ => {}
        }
        if let Some(number) = text.strip_prefix("epss") {
            let plain = |t: &&str| t.bytes().all(|b| b.is_ascii_digit() || b == b'.') && !t.starts_with('.');
            let least = number.strip_prefix(">=").filter(plain).and_then(|t| t.parse().ok());
            if let Some(least) = least.filter(|n| (0.0..=1.0).contains(n)) {
                return Some(Self::Epss(least));
            }
            problems.add(
                node.at,
                PolicyDiagnostic::InvalidEpssTrigger { key: key.to_owned(), shown: quoted(text) },
            );
            return None;
        }
        problems.unknown(
            node.at,
            PolicyDiagnostic::UnknownTrigger { key: key.to_owned(), shown: quoted(text) },
            text,
            &TRIGGERS,
        );
        None
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"enum": ["fix_available", "kev", "severity_raised"]},
            {"type": "string", "pattern": "^epss>=[0-9.]+$"},
        ]})
    }
}
