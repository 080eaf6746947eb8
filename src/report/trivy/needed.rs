//! Needs for the packages of a result (`Packages[].Dev`, `Relationship`), which vulnerabilities name by `PkgID`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::Scope;
use crate::report::json::shapes;
use crate::report::value::{Loose, ReportWord};

shapes!(TrivyNeededPackage);

/// Most packages of a result that are remembered.
const MAX_PACKAGES: usize = 200_000;

/// An element of `Packages`.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct TrivyNeededPackage<'a> {
    #[serde(borrow, rename = "ID")]
    id: ReportWord<'a>,
    dev: Loose<bool>,
    #[serde(borrow)]
    relationship: ReportWord<'a>,
    indirect: Loose<bool>,
}

/// Needs for the packages of a result, by their ids.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct ListedPackages {
    by_id: BTreeMap<String, (bool, Option<bool>)>,
    /// One at least is needed for development alone, so that the lock file tells.
    told: bool,
}

impl ListedPackages {
    /// Adds a package. One that is listed twice is of development only if both are.
    pub(super) fn add(&mut self, package: &TrivyNeededPackage<'_>) {
        let id = package.id.as_str();
        if id.is_empty() || self.by_id.len() >= MAX_PACKAGES {
            return;
        }
        let development = package.dev.value == Some(true);
        let direct = match (package.relationship.as_str(), package.indirect.value) {
            ("direct", _) => Some(true),
            ("indirect", _) | ("", Some(true)) => Some(false),
            _ => None,
        };
        self.told |= development;
        let known = self.by_id.entry(id.to_owned()).or_insert((development, direct));
        known.0 &= development;
        known.1 = match (known.1, direct) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        };
    }

    /// True if it says anything of a package.
    pub(super) fn says_anything(&self) -> bool {
        self.told || self.by_id.values().any(|(_, direct)| direct.is_some())
    }

    /// Scope and directness of a package. Many lock files tell no development packages from others: only where one does
    /// are the others those that ship.
    pub(super) fn of(&self, id: &str) -> (Option<Scope>, Option<bool>) {
        match self.by_id.get(id) {
            Some((true, direct)) => (Some(Scope::Development), *direct),
            Some((false, direct)) => (Some(Scope::Production).filter(|_| self.told), *direct),
            None => (None, None),
        }
    }

    /// The packages that an earlier reading noted.
    pub(super) fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// As text for the next reading.
    pub(super) fn encode(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
