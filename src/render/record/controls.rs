//! Controls of a framework, and the rules that are evidence of them: `--controls FILE`, and the mappings that come with
//! secgate.

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::{AuditRecord, list, text};
use crate::finding::{clean, clean_line};
use crate::policy::IdentityGlob;

/// The mappings that come with secgate, by the names under which they are asked for.
const SHIPPED: [(&str, &str); 6] = [
    ("soc2", include_str!("controls/soc2.yaml")),
    ("pci-dss", include_str!("controls/pci-dss.yaml")),
    ("ssdf", include_str!("controls/ssdf.yaml")),
    ("slsa", include_str!("controls/slsa.yaml")),
    ("osps", include_str!("controls/osps.yaml")),
    ("cra", include_str!("controls/cra.yaml")),
];

/// Why a file is no mapping of controls.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("is not a mapping of controls: {0}")]
pub struct ControlsError(pub String);

/// A framework with its controls.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlFramework {
    /// 1.
    version: u32,
    /// An id for machines: letters, digits and `-`.
    pub id: String,
    /// Its name with its version.
    pub framework: String,
    /// Where its text is.
    pub source: String,
    controls: Vec<MappedControl>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct MappedControl {
    id: String,
    title: String,
    /// Globs of GATE/RULE.
    rules: Vec<String>,
}

/// A control with the rules of the record that are evidence of it.
#[derive(Debug, Clone)]
pub(super) struct AssessedControl {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) rules: Vec<ControlEvidence>,
}

/// A rule of a decision.
#[derive(Debug, Clone)]
pub(super) struct ControlEvidence {
    pub(super) gate: String,
    pub(super) rule: String,
    pub(super) outcome: String,
    pub(super) message: String,
}

impl AssessedControl {
    /// The worst of its rules; `not reviewed` where none speaks of it.
    pub(super) fn outcome(&self) -> &'static str {
        let words = ["fail", "error", "review", "warn", "pass"];
        let worst = words.into_iter().find(|word| self.rules.iter().any(|rule| rule.outcome == *word));
        worst.unwrap_or("not reviewed")
    }
}

impl ControlFramework {
    /// Names of the mappings that come with secgate.
    pub fn names() -> Vec<&'static str> {
        SHIPPED.iter().map(|(name, _)| *name).collect()
    }

    /// The mapping of a name.
    pub fn by_name(name: &str) -> Option<Result<Self, ControlsError>> {
        SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| Self::parse(text.as_bytes()))
    }

    /// Reads a mapping in YAML.
    pub fn parse(bytes: &[u8]) -> Result<Self, ControlsError> {
        let fault = |why: &str| ControlsError(clean_line(why).into_owned());
        let text = std::str::from_utf8(bytes).map_err(|_| fault("it is not UTF-8"))?;
        let read: Self = serde_saphyr::from_str(text).map_err(|error| fault(&error.to_string()))?;
        if read.version != 1 {
            return Err(fault("`version` is not 1"));
        }
        if read.id.is_empty() || !read.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(fault("`id` holds letters, digits and `-`"));
        }
        if read.controls.is_empty() {
            return Err(fault("`controls` is empty"));
        }
        for control in &read.controls {
            if control.rules.is_empty() {
                return Err(fault(&format!("control {}: `rules` is empty", clean(&control.id))));
            }
            for glob in &control.rules {
                let why = match IdentityGlob::new(glob) {
                    Ok(_)
                        if glob
                            .split_once('/')
                            .is_some_and(|(gate, rule)| !gate.is_empty() && !rule.is_empty()) =>
                    {
                        continue;
                    }
                    Ok(_) => "is not GATE/RULE".to_owned(),
                    Err(why) => why,
                };
                return Err(fault(&format!("control {}: `{}` {why}", clean(&control.id), clean(glob))));
            }
        }
        Ok(read)
    }

    /// Its controls, each with the rules of the record that speak of it.
    pub(super) fn assess(&self, record: &AuditRecord) -> Vec<AssessedControl> {
        let of_control = |control: &MappedControl| {
            let globs: Vec<IdentityGlob> =
                control.rules.iter().filter_map(|glob| IdentityGlob::new(glob).ok()).collect();
            let mut rules = Vec::new();
            for decision in &record.decisions {
                let gate = text(&decision.verdict, "/gate");
                let told = |rule: &&Value| {
                    let name = format!("{gate}/{}", text(rule, "/id"));
                    text(rule, "/outcome") != "not_applicable" && globs.iter().any(|glob| glob.matches(&name))
                };
                rules.extend(list(&decision.verdict, "/rules").iter().filter(told).map(|rule| {
                    ControlEvidence {
                        gate: gate.to_owned(),
                        rule: text(rule, "/id").to_owned(),
                        outcome: text(rule, "/outcome").to_owned(),
                        message: text(rule, "/message").to_owned(),
                    }
                }));
            }
            AssessedControl { id: control.id.clone(), title: control.title.clone(), rules }
        };
        self.controls.iter().map(of_control).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_mappings_are_read_and_name_rules_of_shipped_policies() {
        for name in ControlFramework::names() {
            let framework = ControlFramework::by_name(name).unwrap().unwrap();
            assert!(framework.source.starts_with("https://"), "{name}");
            for control in &framework.controls {
                for glob in &control.rules {
                    let (gate, rule) = glob.split_once('/').unwrap();
                    let policy = crate::policy::embedded(gate)
                        .unwrap_or_else(|| panic!("{name} {}: {glob}", control.id));
                    assert!(policy.contains(&format!("id: {rule}\n")), "{name} {}: {glob}", control.id);
                }
            }
        }
    }

    #[test]
    fn what_is_no_mapping_is_told() {
        let whole =
            "version: 1\nid: x\nframework: X\nsource: s\ncontrols: [{id: A, title: t, rules: [merge/a]}]\n";
        assert!(ControlFramework::parse(whole.as_bytes()).is_ok());
        for (from, to, why) in [
            ("version: 1", "version: 2", "`version` is not 1"),
            ("id: x", "id: x y", "`id` holds"),
            ("[merge/a]", "[]", "`rules` is empty"),
            ("[merge/a]", "[a]", "is not GATE/RULE"),
            ("[merge/a]", "['**']", "matches everybody"),
            ("title: t", "topic: t", "topic"),
            ("controls: [{id: A, title: t, rules: [merge/a]}]", "controls: []", "`controls` is empty"),
        ] {
            let error = ControlFramework::parse(whole.replace(from, to).as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{to}: {error}");
        }
    }
}
