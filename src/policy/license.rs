//! SPDX licence expressions, weighed against the licences that a policy allows and denies.
//!
//! `OR` is a choice: an expression is denied only if every choice is. `AND` and `WITH` are not: an exception to a denied
//! licence does not make it another one, unless the policy allows the licence with that exception. `AGPL-3.0`,
//! `AGPL-3.0-only` and `AGPL-3.0-or-later` are one licence to whoever names `AGPL-3.0-only`, because an earlier version
//! may be chosen and no later one has to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::error::{PolicyProblems, listed, nearest, quoted};
use super::written::{At, Many, Name};
use crate::policy::diagnostics::PolicyDiagnostic;

/// Categories as their source publishes them; the file's head says of which version.
const CATEGORIES: &str = include_str!("license_categories.txt");

/// A category of licences, such as `permissive`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenseCategory {
    /// The word used in policies.
    pub name: &'static str,
    /// SPDX ids of its licences.
    pub ids: Vec<&'static str>,
}

/// Every category, in the order of the file.
pub fn license_categories() -> &'static [LicenseCategory] {
    static ALL: OnceLock<Vec<LicenseCategory>> = OnceLock::new();
    ALL.get_or_init(|| {
        let lines = CATEGORIES.lines().filter(|line| !line.starts_with('#'));
        let read = |line: &'static str| {
            let mut words = line.split(' ');
            Some(LicenseCategory { name: words.next()?, ids: words.collect() })
        };
        lines.filter_map(read).collect()
    })
}

/// Licences by their ids, or by the names of categories, that a policy gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LicenseList {
    /// As written.
    pub names: Vec<String>,
    /// Licences without `-only`, `-or-later` and `+`, and whether only the choice of a later version is meant.
    families: BTreeMap<String, bool>,
    /// Licences with an exception.
    with: BTreeSet<String>,
}

impl LicenseList {
    /// The licences of these names; those that are none are left out.
    pub fn new(names: Vec<String>) -> Self {
        let mut list = Self { names: Vec::new(), ..Self::default() };
        for name in &names {
            match license_categories().iter().find(|category| category.name == name) {
                Some(category) => category.ids.iter().for_each(|id| list.add(id)),
                None => list.add(name),
            }
        }
        Self { names, ..list }
    }

    /// The licences of these names, each checked.
    pub(super) fn check(
        written: Option<At<Many<Name>>>,
        key: &'static str,
        problems: &mut PolicyProblems,
    ) -> Self {
        let categories: Vec<&str> = license_categories().iter().map(|category| category.name).collect();
        let names = written.map(|list| list.value.0).unwrap_or_default();
        for name in names.iter().filter(|name| !categories.contains(&name.value.as_str())) {
            let near = nearest(&name.value, &categories);
            let (key_named, shown) = (key.to_owned(), quoted(&name.value));
            if near.is_some() || !is_license(&name.value) {
                let categories = listed(&categories);
                let diagnostic = PolicyDiagnostic::InvalidLicense { key: key_named, shown, categories };
                problems.add_near(name.at, diagnostic, near);
            } else if key != "deny" && is_nameless(&name.value) {
                problems.add(name.at, PolicyDiagnostic::NamelessLicense { key: key_named, shown });
            }
        }
        Self::new(names.into_iter().map(|name| name.value).collect())
    }

    fn add(&mut self, id: &str) {
        let lower = id.to_ascii_lowercase();
        if lower.contains(" with ") {
            self.with.insert(lower.split_whitespace().collect::<Vec<_>>().join(" "));
            return;
        }
        let (base, later) = family(id);
        let known = self.families.entry(base).or_insert(later);
        *known = *known && later;
    }

    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether who writes it means this id.
    fn means(&self, id: &str) -> bool {
        let (base, later) = family(id);
        // Who names only what is chosen as `or later` leaves the plain licence alone.
        self.families.get(&base).is_some_and(|only_later| later || !only_later)
    }

    /// Whether it means every licence that another means.
    pub fn holds_all_of(&self, other: &Self) -> bool {
        let family = |(base, later): (&String, &bool)| {
            self.families.get(base).is_some_and(|only_later| *later || !only_later)
        };
        other.families.iter().all(family) && other.with.is_subset(&self.with)
    }

    /// The ids in it whose meaning nobody but the author knows, and licences with an exception, beyond those of another.
    pub fn special_beyond(&self, other: &Self) -> bool {
        let own = self.families.keys().filter(|base| is_own(base));
        own.into_iter().any(|base| !other.families.contains_key(base)) || !self.with.is_subset(&other.with)
    }
}

/// Licences that a policy lets pass, or does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LicenseTerms {
    /// Those that pass; where it is empty, all that are not denied.
    pub allow: LicenseList,
    /// Those that do not, allowed or not.
    pub deny: LicenseList,
}

impl LicenseTerms {
    /// Whether they let nothing pass that others do not.
    pub fn is_within(&self, other: &Self) -> bool {
        let allow = &self.allow;
        // What a policy of its own names was not known, and is allowed once it is named.
        self.deny.holds_all_of(&other.deny)
            && (other.allow.is_empty() || !allow.is_empty() && other.allow.holds_all_of(allow))
            && !allow.special_beyond(&other.allow)
    }

    /// As a policy writes them.
    pub fn describe(&self) -> String {
        let of = |key: &str, list: &LicenseList| {
            (!list.is_empty()).then(|| format!("{key}: {}", list.names.join(" or ")))
        };
        let parts: Vec<String> =
            [of("allow", &self.allow), of("deny", &self.deny)].into_iter().flatten().collect();
        parts.join(", ")
    }
}

/// Meaning of an expression under a policy. The worse is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LicenseDecision {
    /// There is a choice that passes.
    Allowed,
    /// It cannot be told what it binds to.
    Unknown,
    /// Every choice holds a licence that is denied, or not among those that are allowed.
    Denied,
}

impl LicenseTerms {
    /// Weighs the texts that a component is bound to, all of them; none is unknown.
    pub fn weigh(&self, texts: &[String]) -> LicenseDecision {
        self.weigh_except(texts, &LicenseList::default())
    }

    /// The same where these licences pass besides.
    pub fn weigh_except(&self, texts: &[String], except: &LicenseList) -> LicenseDecision {
        texts.iter().map(|text| self.expression(text, except)).max().unwrap_or(LicenseDecision::Unknown)
    }

    /// Weighs one text. What is no expression is denied if a denied id stands in it.
    fn expression(&self, text: &str, except: &LicenseList) -> LicenseDecision {
        let words = words(text);
        let mut parser = LicenseParser { words: &words, at: 0, terms: self, except, depth: 0 };
        match parser.or() {
            Some(license) if parser.at == words.len() => license,
            _ => {
                let mut tokens = text.split(|c: char| !is_id(c)).filter(|token| !token.is_empty());
                let denied = tokens.any(|token| self.deny.means(token));
                if denied { LicenseDecision::Denied } else { LicenseDecision::Unknown }
            }
        }
    }

    /// Weighs one licence, and the exception to it.
    fn of_id(&self, id: &str, exception: Option<&str>) -> LicenseDecision {
        if let Some(exception) = exception {
            let with = format!("{id} with {exception}").to_ascii_lowercase();
            if self.deny.with.contains(&with) {
                return LicenseDecision::Denied;
            }
            if self.allow.with.contains(&with) {
                return LicenseDecision::Allowed;
            }
        }
        if self.deny.means(id) {
            return LicenseDecision::Denied;
        }
        if self.allow.means(id) {
            return LicenseDecision::Allowed;
        }
        if is_nameless(id) || is_own(&id.to_ascii_lowercase()) {
            return LicenseDecision::Unknown;
        }
        match (self.allow.is_empty(), is_listed(id)) {
            (false, _) => LicenseDecision::Denied,
            (true, true) => LicenseDecision::Allowed,
            // A common name, such as `GPLv3`, may be that of a licence that is denied.
            (true, false) => LicenseDecision::Unknown,
        }
    }
}

/// Whether a text can stand in a list of licences: a category, an id, or an id with an exception.
fn is_license(text: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(is_id);
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        [id] => is_word(id),
        [id, with, exception] => with.eq_ignore_ascii_case("with") && is_word(id) && is_word(exception),
        _ => false,
    }
}

/// Whether a word says that there is no licence, or that nobody knows it.
fn is_nameless(id: &str) -> bool {
    let nameless = ["NOASSERTION", "NONE", "UNKNOWN", "UNLICENSED", "PROPRIETARY", "CUSTOM", "OTHER"];
    nameless.iter().any(|word| id.eq_ignore_ascii_case(word))
}

/// Whether an id is on the SPDX list, with or without the choice of a later version.
fn is_listed(id: &str) -> bool {
    static ALL: OnceLock<BTreeSet<String>> = OnceLock::new();
    let all = ALL
        .get_or_init(|| license_categories().iter().flat_map(|of| &of.ids).map(|id| family(id).0).collect());
    // Of these names alone, nobody knows the version.
    let versionless =
        ["GPL", "LGPL", "AGPL", "GFDL"].iter().any(|name| family(id).0.eq_ignore_ascii_case(name));
    !versionless && all.contains(&family(id).0)
}

/// Whether an id in small letters is one of the document's own.
fn is_own(id: &str) -> bool {
    id.starts_with("licenseref-") || id.starts_with("documentref-")
}

/// Deepest nesting of parentheses.
const DEEPEST: u32 = 64;

fn is_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '+' | ':')
}

/// Ids, operators and parentheses; anything else stands as a word that parses as nothing.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if is_id(first) {
            rest.find(|c: char| !is_id(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        words.push(word);
        rest = after.trim_start();
    }
    words
}

struct LicenseParser<'t> {
    words: &'t [&'t str],
    at: usize,
    terms: &'t LicenseTerms,
    except: &'t LicenseList,
    depth: u32,
}

impl<'t> LicenseParser<'t> {
    fn takes(&mut self, operator: &str) -> bool {
        let is = self.words.get(self.at).is_some_and(|word| word.eq_ignore_ascii_case(operator));
        self.at += usize::from(is);
        is
    }

    fn or(&mut self) -> Option<LicenseDecision> {
        let mut best = self.and()?;
        while self.takes("OR") {
            best = best.min(self.and()?);
        }
        Some(best)
    }

    fn and(&mut self) -> Option<LicenseDecision> {
        let mut worst = self.one()?;
        while self.takes("AND") {
            worst = worst.max(self.one()?);
        }
        Some(worst)
    }

    fn one(&mut self) -> Option<LicenseDecision> {
        if self.takes("(") {
            self.depth += 1;
            let inner = (self.depth <= DEEPEST).then(|| self.or()).flatten()?;
            self.depth -= 1;
            return self.takes(")").then_some(inner);
        }
        let id = self.id()?;
        let exception = if self.takes("WITH") { Some(self.id()?) } else { None };
        if self.except.means(id) {
            return Some(LicenseDecision::Allowed);
        }
        Some(self.terms.of_id(id, exception))
    }

    fn id(&mut self) -> Option<&'t str> {
        let word = *self.words.get(self.at)?;
        let operator = ["OR", "AND", "WITH"].iter().any(|o| word.eq_ignore_ascii_case(o));
        if operator || !word.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return None;
        }
        self.at += 1;
        Some(word)
    }
}

/// A licence without `-only`, `-or-later` and `+`, and whether later versions may be chosen.
fn family(id: &str) -> (String, bool) {
    let id = id.to_ascii_lowercase();
    if let Some(base) = id.strip_suffix("-only") {
        return (base.to_owned(), false);
    }
    match id.strip_suffix("-or-later").or_else(|| id.strip_suffix('+')) {
        Some(base) => (base.to_owned(), true),
        None => (id, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(allow: &[&str], deny: &[&str]) -> LicenseTerms {
        let list = |names: &[&str]| LicenseList::new(names.iter().map(|name| (*name).to_owned()).collect());
        LicenseTerms { allow: list(allow), deny: list(deny) }
    }

    fn of(text: &str) -> LicenseDecision {
        terms(&[], &["AGPL-3.0-only", "SSPL-1.0"]).weigh(&[text.to_owned()])
    }

    #[test]
    fn a_choice_is_denied_only_if_all_of_it_is() {
        use LicenseDecision::{Allowed, Denied, Unknown};
        for (text, license) in [
            ("MIT", Allowed),
            ("AGPL-3.0-only", Denied),
            ("agpl-3.0-ONLY", Denied),
            ("AGPL-3.0", Denied),
            ("AGPL-3.0+", Denied),
            ("AGPL-3.0-or-later", Denied),
            ("AGPL-3.0-only OR MIT", Allowed),
            ("MIT or AGPL-3.0-only", Allowed),
            ("AGPL-3.0-only AND MIT", Denied),
            ("MIT AND (AGPL-3.0-only OR SSPL-1.0)", Denied),
            ("MIT AND (AGPL-3.0-only OR Apache-2.0)", Allowed),
            ("MIT OR Apache-2.0 AND SSPL-1.0", Allowed),
            ("GPL-2.0-only WITH Classpath-exception-2.0", Allowed),
            ("AGPL-3.0-only WITH Some-exception", Denied),
            ("NOASSERTION", Unknown),
            ("LicenseRef-acme", Unknown),
            ("MIT OR LicenseRef-acme", Allowed),
            ("AGPL-3.0-only OR LicenseRef-acme", Unknown),
            ("MIT AND LicenseRef-acme", Unknown),
            ("", Unknown),
            ("Apache License 2.0", Unknown),
            ("AGPLv3", Unknown),
            ("GPL", Unknown),
            ("Foo", Unknown),
            ("Foo OR MIT", Allowed),
            ("GPL-2.0+", Allowed),
            ("lgpl-2.1-OR-LATER", Allowed),
            ("MIT/AGPL-3.0-only", Denied),
            ("see AGPL-3.0-only, section 13", Denied),
            ("MIT OR", Unknown),
            ("(MIT", Unknown),
            ("MIT)", Unknown),
            (") AGPL-3.0-only (", Denied),
        ] {
            assert_eq!(of(text), license, "{text}");
        }
        assert_eq!(of(&"(".repeat(5000)), Unknown);
    }

    #[test]
    fn each_text_binds() {
        let terms = terms(&[], &["SSPL-1.0"]);
        let weigh = |texts: &[&str]| terms.weigh(&texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
        assert_eq!(weigh(&["MIT", "SSPL-1.0"]), LicenseDecision::Denied);
        assert_eq!(weigh(&["MIT", ""]), LicenseDecision::Unknown);
        assert_eq!(weigh(&[]), LicenseDecision::Unknown);
    }

    #[test]
    fn who_denies_later_versions_leaves_the_plain_licence() {
        let terms = terms(&[], &["GPL-2.0-or-later"]);
        let weigh = |text: &str| terms.weigh(&[text.to_owned()]);
        assert_eq!(weigh("GPL-2.0-only"), LicenseDecision::Allowed);
        assert_eq!(weigh("GPL-2.0+"), LicenseDecision::Denied);
    }

    #[test]
    fn an_allow_list_lets_nothing_else_pass() {
        use LicenseDecision::{Allowed, Denied, Unknown};
        let terms = terms(
            &["permissive", "MPL-2.0", "GPL-2.0-only WITH Classpath-exception-2.0", "LicenseRef-acme"],
            &["BSD-4-Clause", "strong-copyleft"],
        );
        for (text, license) in [
            ("MIT", Allowed),
            ("mit AND Apache-2.0", Allowed),
            ("MPL-2.0", Allowed),
            ("MPL-2.0 AND LGPL-2.1-only", Denied),
            ("MPL-2.0 OR LGPL-2.1-only", Allowed),
            ("BSD-4-Clause", Denied),
            ("GPL-2.0-only", Denied),
            ("GPL-2.0-only WITH Classpath-exception-2.0", Allowed),
            ("gpl-2.0-only with classpath-exception-2.0", Allowed),
            ("GPL-2.0-only WITH Bison-exception-2.2", Denied),
            ("MIT WITH Some-exception", Allowed),
            ("LicenseRef-acme", Allowed),
            ("LicenseRef-other", Unknown),
            ("NOASSERTION", Unknown),
            ("Foo-1.0", Denied),
            ("Apache License 2.0", Unknown),
        ] {
            assert_eq!(terms.weigh(&[text.to_owned()]), license, "{text}");
        }
    }

    #[test]
    fn categories_are_distinct_and_hold_what_their_names_say() {
        let of = |id: &str| {
            let holding = license_categories().iter().filter(|category| category.ids.contains(&id));
            holding.map(|category| category.name).collect::<Vec<_>>()
        };
        assert_eq!(of("MIT"), ["permissive"]);
        assert_eq!(of("LGPL-2.1-only"), ["weak-copyleft"]);
        assert_eq!(of("AGPL-3.0-only"), ["strong-copyleft"]);
        assert_eq!(of("BUSL-1.1"), ["source-available"]);
        let ids: Vec<&str> = license_categories().iter().flat_map(|category| category.ids.clone()).collect();
        let distinct: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), distinct.len());
    }

    #[test]
    fn more_is_more_by_what_it_means() {
        let list = |names: &[&str]| terms(names, &[]).allow;
        assert!(list(&["permissive"]).holds_all_of(&list(&["MIT", "ISC"])));
        assert!(!list(&["MIT"]).holds_all_of(&list(&["permissive"])));
        assert!(list(&["GPL-2.0-only"]).holds_all_of(&list(&["GPL-2.0-or-later", "GPL-2.0"])));
        assert!(!list(&["GPL-2.0-or-later"]).holds_all_of(&list(&["GPL-2.0"])));
        assert!(list(&["LicenseRef-a"]).special_beyond(&list(&["MIT"])));
        assert!(!list(&["MIT"]).special_beyond(&list(&[])));
    }
}
