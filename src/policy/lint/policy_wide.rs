//! The policy as a whole: what is never read, never used, or of any age.

use super::selectors::in_list;
use super::{LintRun, people};
use crate::finding::{Category, clean};
use crate::policy::{
    Action, CertificateClaim, DocumentKind, EntryKind, EvidenceEntry, Feed, IdentityGlob, Selector,
    SignerMaterial, Subject,
};

/// Looks at all that is no rule.
pub(super) fn lint_policy(found: &mut LintRun<'_>) {
    let policy = found.policy;
    if policy.rules.iter().all(|rule| rule.then == Action::Warn) {
        found.add("only-warns", &["rules"], "every rule only warns");
    }
    if policy.evidence.iter().all(|entry| !entry.required) {
        found.add("nothing-required", &["evidence"], "no evidence is required");
    }
    vex(found);
    for entry in &policy.evidence {
        entry_of(found, entry);
    }
    parameters(found);
    keys(found);
    tools(found);
    sets(found);
    people::top(found);
}

/// An entry as the policy calls it: with `subject: each` there is one for each subject.
fn called(entry: &EvidenceEntry) -> &str {
    let of_subject = |subject: &String| entry.name.strip_suffix(subject.as_str())?.strip_suffix('/');
    entry.subject.as_ref().and_then(of_subject).unwrap_or(&entry.name)
}

fn vex(found: &mut LintRun<'_>) {
    let statements = found.policy.evidence.iter().find(|entry| entry.kind == EntryKind::Feed(Feed::Vex));
    match (&found.policy.vex, statements) {
        (Some(_), None) => {
            found.add("vex-without-feed", &["vex"], "`vex:` accepts statements, and none are read");
        }
        (None, Some(entry)) => {
            let message = format!("the statements of `{}` change nothing", clean(&entry.name));
            found.add("feed-without-vex", &["evidence", called(entry)], message);
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
}

fn entry_of(found: &mut LintRun<'_>, entry: &EvidenceEntry) {
    let name = called(entry);
    // Of the entries for several subjects the first says it.
    let first = found.policy.evidence.iter().find(|other| called(other) == name);
    if first.is_some_and(|first| first.name != entry.name) {
        return;
    }
    let clause = ["evidence", name];
    let shown = clean(name).into_owned();
    let undated = entry.max_age.is_none();
    match entry.kind {
        EntryKind::Feed(_) => {
            if undated {
                found.add("feed-without-age", &clause, format!("the feed `{shown}` may be of any age"));
            }
        }
        EntryKind::Document(DocumentKind::Json) => unused(found, entry, &clause, &shown),
        EntryKind::Document(_) => {}
        EntryKind::Report(category) => {
            unused(found, entry, &clause, &shown);
            never_satisfied(found, entry, category, &clause, &shown);
            database_undated(found, entry, category, &clause, &shown);
            let dated = !undated || entry.bound || entry.receipt;
            let grows_old = matches!(category, Category::Vulnerability);
            if grows_old && !dated && !found.policy.subjects.is_empty() {
                let message = format!("the scan `{shown}` of an artifact may be of any age");
                found.add("report-without-age", &clause, message);
            }
        }
    }
}

fn unused(found: &mut LintRun<'_>, entry: &EvidenceEntry, clause: &[&str], shown: &str) {
    if !found.policy.rules.iter().any(|rule| rule.fed_by.contains(&entry.name)) {
        let demanded = if entry.required { "is demanded, and" } else { "is read, and" };
        found.add("evidence-unused", clause, format!("`{shown}` {demanded} no rule looks at it"));
    }
}

fn never_satisfied(
    found: &mut LintRun<'_>,
    entry: &EvidenceEntry,
    category: Category,
    clause: &[&str],
    shown: &str,
) {
    let format = entry.format.as_ref().and_then(|id| found.formats.iter().find(|f| f.id == id));
    let moved = found.policy.severity_map.iter().any(|line| line.category == Some(category));
    if let Some(format) = format.filter(|format| !format.categories.contains(&category) && !moved) {
        let message = format!("`{shown}` is of category {category}, and {} never holds any", format.id);
        found.add("entry-never-satisfied", &[clause, &["format"]].concat(), message);
    }
}

fn database_undated(
    found: &mut LintRun<'_>,
    entry: &EvidenceEntry,
    category: Category,
    clause: &[&str],
    shown: &str,
) {
    if found.policy.trust.database_max_age.is_none() || category != Category::Vulnerability {
        return;
    }
    let limit = "`trust.database_max_age` does not hold for";
    match &entry.format {
        None => {
            let message = format!("{limit} reports of most formats, and `{shown}` takes any");
            found.add("database-undated", clause, message);
        }
        Some(id) if found.formats.iter().any(|format| format.id == id && format.dates_database) => {}
        Some(id) => {
            let message =
                format!("{limit} `{shown}`: reports of `{id}` never tell the date of their database");
            found.add("database-undated", &[clause, &["format"]].concat(), message);
        }
    }
}

fn parameters(found: &mut LintRun<'_>) {
    let policy = found.policy;
    for parameter in &policy.parameters {
        let clause = ["parameters", parameter.name.as_str()];
        let literal = |value: &&String| value.contains(['*', '?']);
        if let Some(value) = parameter.one_of.iter().find(literal).filter(|_| !parameter.globs) {
            let name = &parameter.name;
            let message =
                format!("the parameter `{name}` has the value `{}`, which is not a glob here", clean(value));
            found.add("literal-glob", &["parameters", name, "one_of"], message);
        }
        let names = |rule: &&crate::policy::Rule| rule.when.iter().any(|(name, _)| *name == parameter.name);
        if !policy.rules.iter().any(|rule| names(&rule)) {
            let message = format!("no rule depends on the parameter `{}`", clean(&parameter.name));
            found.add("parameter-unused", &clause, message);
            continue;
        }
        for value in &parameter.one_of {
            let out =
                |(name, values): &(String, Vec<String>)| *name == parameter.name && !values.contains(value);
            if policy.rules.iter().all(|rule| rule.when.iter().any(out)) {
                let (name, value) = (clean(&parameter.name), clean(value));
                let message = format!("no rule holds where `{name}` is `{value}`");
                found.add("no-rule-for-value", &clause, message);
            }
        }
    }
}

fn keys(found: &mut LintRun<'_>) {
    let policy = found.policy;
    for key in policy.keys.iter().filter(|key| key.user.is_none()) {
        let used = policy.evidence.iter().any(|entry| entry.signed_by.contains(&key.name))
            || policy.rules.iter().any(|rule| match &rule.subject {
                Subject::Provenance(rule) => rule.signed_by.contains(&key.name),
                Subject::Verdicts(rule) => rule.signed_by.contains(&key.name),
                Subject::Findings(_)
                | Subject::Document(_)
                | Subject::Image(_)
                | Subject::Sbom(_)
                | Subject::Approvals(_) => false,
            });
        if !used {
            let message = format!("no `signed_by` names the key `{}`", clean(&key.name));
            found.add("key-unused", &["keys", &key.name], message);
        }
    }
    for key in &policy.keys {
        let SignerMaterial::Identity(identity) = &key.signer else { continue };
        let open = |glob: &&IdentityGlob| glob.matches_any_ref();
        let asked = identity.claims.iter().any(|(claim, _)| *claim == CertificateClaim::SourceRepositoryRef);
        if let Some(glob) = identity.identity.iter().find(open).filter(|_| !asked) {
            let message =
                format!("`keys.{}`: `{}` is met on any branch", clean(&key.name), clean(glob.text()));
            found.add("identity-of-any-branch", &["keys", &key.name, "identity"], message);
        }
    }
}

/// Sets that no rule names.
fn sets(found: &mut LintRun<'_>) {
    let policy = found.policy;
    let named = |name: &str| {
        let of = |selector: &Selector| selector.set.iter().any(|set| set.name == name);
        policy.rules.iter().any(|rule| match &rule.subject {
            Subject::Findings(selector) => of(selector) || selector.nested().into_iter().any(of),
            _ => false,
        })
    };
    for set in policy.sets.iter().filter(|set| !named(&set.name)) {
        let message = format!("no rule names the set `{}`", clean(&set.name));
        found.add("set-unused", &["sets", &set.name], message);
    }
}

/// Names of tools that are nearly those that are read.
fn tools(found: &mut LintRun<'_>) {
    let policy = found.policy;
    let mut written: Vec<(Vec<String>, String)> = Vec::new();
    let path = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
    for (index, line) in policy.severity_map.iter().enumerate() {
        let clause = path(&["severity", "map", &index.to_string(), "tool"]);
        written.extend(line.tool.iter().map(|tool| (clause.clone(), tool.clone())));
    }
    for rule in &policy.rules {
        let Subject::Findings(selector) = &rule.subject else { continue };
        let mut of = |selector: &Selector, keys: &[&str]| {
            let clause = path(&[&["rules", rule.id.as_str()], keys].concat());
            written.extend(selector.tool.iter().map(|tool| (clause.clone(), tool.clone())));
        };
        of(selector, &["findings", "tool"]);
        for (index, not) in selector.not.iter().enumerate() {
            let keys = in_list(policy, rule, "not", index);
            of(not, &[&keys.iter().map(String::as_str).collect::<Vec<_>>()[..], &["tool"]].concat());
        }
    }
    let mut known: Vec<&str> = found.formats.iter().map(|format| format.tool).collect();
    known.extend(policy.mappings.iter().map(|mapping| mapping.tool.as_str()));
    for (clause, tool) in written {
        let small = tool.to_lowercase();
        if small.chars().count() < 5 || known.iter().any(|known| known.eq_ignore_ascii_case(&small)) {
            continue;
        }
        // Other tools have names that are near, and begin with another letter.
        let near = |known: &&&str| {
            known.chars().next() == small.chars().next() && strsim::damerau_levenshtein(known, &small) == 1
        };
        if let Some(near) = known.iter().find(near) {
            let clause: Vec<&str> = clause.iter().map(String::as_str).collect();
            let message = format!("no report is of a tool `{}`; did you mean `{near}`?", clean(&tool));
            found.add("tool-misspelt", &clause, message);
        }
    }
}
