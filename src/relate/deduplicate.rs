//! The same problem, seen by several tools: shown once, with all witnesses.
//!
//! - A vulnerability is the same if one id of its alias set (CVE, GHSA, OSV, vendor; never a CWE), the package, its
//!   version and the target agree.
//! - A secret is the same if file, line and value agree, or file and line where the values are not both known: few
//!   tools give them. Values are compared as digests under a key that is made anew in each run and never written
//!   ([`SecretDigest`](crate::finding::SecretDigest)).
//! - A code finding is the same if file and line agree, and the rule or a CWE number does.
//!
//! Two findings of one report are never the same: a tool says twice what it means twice. Only a secret that two of a
//! tool's checks see in one place is one.

use std::collections::HashMap;

use serde::Serialize;

use crate::finding::{Category, Finding, PackageName, Purl, Text, canonical_version, is_of_system, loose};

/// Findings that are one problem, as indexes into the list that was grouped; the first leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateGroup {
    /// Members in the list's order.
    pub members: Vec<usize>,
    /// Why they were joined; `None` for a finding that stands alone.
    pub why: Option<DuplicateReason>,
}

/// Reason why two findings are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateReason {
    /// An advisory id, the package, its version and the target agree.
    SameAdvisory,
    /// File, line and value agree.
    SameSecret,
    /// File and line of a secret agree, and no two values differ.
    SameSecretPlace,
    /// File, line and rule agree.
    SameRule,
    /// File, line and a CWE number agree.
    SameWeakness,
}

impl DuplicateReason {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::SameAdvisory => "same advisory, package, version and target",
            Self::SameSecret => "same file, line and value",
            Self::SameSecretPlace => "same file and line, and no value that differs",
            Self::SameRule => "same file, line and rule",
            Self::SameWeakness => "same file, line and CWE",
        }
    }
}

/// Groups findings, each given with the report it stands in. The result depends on the order of the list alone.
pub fn group<'f>(findings: impl IntoIterator<Item = (&'f Finding, usize)>) -> Vec<DuplicateGroup> {
    let mut groups: Vec<(DuplicateGroup, Vec<(&Finding, usize)>)> = Vec::new();
    // Looked up, never walked through: the order of a hash map cannot reach an output.
    let mut known: HashMap<(DuplicateReason, String), Vec<usize>> = HashMap::new();
    for (index, (finding, report)) in findings.into_iter().enumerate() {
        let keys = keys(finding);
        let joined = keys.iter().find_map(|key| {
            let candidates = known.get(key)?;
            let one = |(other, in_report): &(&Finding, usize)| match key.0 {
                DuplicateReason::SameSecretPlace => may_be_one_secret(finding, other, *in_report == report),
                DuplicateReason::SameAdvisory => *in_report != report && may_be_one_package(finding, other),
                _ => *in_report != report,
            };
            let free = |&&at: &&usize| groups.get(at).is_some_and(|(_, members)| members.iter().all(one));
            candidates.iter().find(free).map(|at| (*at, key.0))
        });
        let at = joined.map_or(groups.len(), |(at, _)| at);
        if let Some((group, members)) = groups.get_mut(at) {
            group.members.push(index);
            group.why = group.why.or(joined.map(|(_, why)| why));
            members.push((finding, report));
        } else {
            groups.push((DuplicateGroup { members: vec![index], why: None }, vec![(finding, report)]));
        }
        for key in keys {
            let groups = known.entry(key).or_default();
            if !groups.contains(&at) {
                groups.push(at);
            }
        }
    }
    groups.into_iter().map(|(group, _)| group).collect()
}

/// Attributes that identify a finding.
fn keys(finding: &Finding) -> Vec<(DuplicateReason, String)> {
    match finding.category {
        Category::Vulnerability => advisory_keys(finding),
        Category::Secret => secret_keys(finding),
        Category::Sast | Category::Misconfiguration | Category::Contract | Category::Dast => {
            code_keys(finding)
        }
        Category::License | Category::Quality => Vec::new(),
    }
}

fn place(finding: &Finding) -> Option<String> {
    let at = finding.location.as_ref()?;
    Some(format!("{}\0{}", at.path.real(), at.line?))
}

/// Whether two findings of secrets in one line can be one: nothing that is known of them differs, a check that says two
/// things in one report means two, and two reports of one tool may be of two images that hold the same file.
fn may_be_one_secret(one: &Finding, other: &Finding, of_one_report: bool) -> bool {
    let values_differ = one.mark.zip(other.mark).is_some_and(|(one, other)| one != other);
    let targets_differ =
        one.target.as_ref().zip(other.target.as_ref()).is_some_and(|(one, other)| one.real() != other.real());
    let said_twice = if of_one_report {
        one.rule_id.real() == other.rule_id.real()
    } else {
        one.tool.real().eq_ignore_ascii_case(other.tool.real())
    };
    !values_differ && !targets_differ && !said_twice
}

fn secret_keys(finding: &Finding) -> Vec<(DuplicateReason, String)> {
    let Some(place) = place(finding) else { return Vec::new() };
    let by_value =
        finding.mark.map(|mark| (DuplicateReason::SameSecret, format!("{place}\0{}", mark.digits())));
    by_value.into_iter().chain([(DuplicateReason::SameSecretPlace, place)]).collect()
}

/// Whether two packages whose letters agree can be one: those of two ecosystems are not, nor those of two groups.
fn may_be_one_package(one: &Finding, other: &Finding) -> bool {
    let Some((one, other)) = one.package_name().zip(other.package_name()) else { return true };
    let Some((kind, other_kind)) = one.ecosystem.as_deref().zip(other.ecosystem.as_deref()) else {
        return true;
    };
    let grouped = one.name.contains('/') && other.name.contains('/');
    kind == other_kind && (is_of_system(kind) || !grouped || one.name == other.name)
}

fn advisory_keys(finding: &Finding) -> Vec<(DuplicateReason, String)> {
    let Some(package) = &finding.package else { return Vec::new() };
    let ids = finding.ids.iter().chain([&finding.rule_id]).map(|id| id.real().to_ascii_uppercase());
    let target = target(finding, package.purl.as_ref());
    let PackageName { ecosystem, name } = PackageName::new(package, finding.path());
    let version = canonical_version(ecosystem.as_deref(), package.version.real());
    // By what the ecosystem compares, by the letters where one of two tools does not tell it, and by the source package
    // that some tools name instead of what was built from it.
    let mut names = vec![format!("{}\0{name}", ecosystem.as_deref().unwrap_or_default())];
    names.push(loose(package.name.real()));
    names.extend(package.url().and_then(|url| url.source().map(loose)));
    ids.filter(|id| !id.is_empty() && !id.starts_with("CWE-"))
        .flat_map(|id| {
            let key =
                |name: &String| (DuplicateReason::SameAdvisory, format!("{id}\0{name}\0{version}\0{target}"));
            names.iter().map(key).collect::<Vec<_>>()
        })
        .collect()
}

/// The file that names the package, or, for packages of an operating system and where there is no file, the scanned
/// thing without the system that Trivy adds in parentheses.
fn target(finding: &Finding, purl: Option<&Text>) -> String {
    let of_system =
        purl.and_then(|purl| Purl::parse(purl.real())).is_some_and(|purl| is_of_system(&purl.kind));
    match finding.path() {
        Some(path) if !of_system => path.to_owned(),
        _ => {
            let target = finding.target.as_ref().map_or("", Text::real);
            target.split(" (").next().unwrap_or_default().to_owned()
        }
    }
}

fn code_keys(finding: &Finding) -> Vec<(DuplicateReason, String)> {
    let Some(place) = place(finding) else { return Vec::new() };
    let rule = finding.rule_id.real();
    let mut keys = vec![(DuplicateReason::SameRule, format!("{place}\0{}\0{rule}", finding.category))];
    for cwe in &finding.cwes {
        keys.push((DuplicateReason::SameWeakness, format!("{place}\0{}\0{cwe}", finding.category)));
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Location, Package, SecretDigest, Severity};

    fn code(rule: &str, line: u32, cwes: &[u32]) -> Finding {
        let mut finding = Finding::new(Category::Sast, "tool", rule, Severity::High);
        finding.location = Location::new("src/a.py", Some(line), None, &[]);
        finding.cwes = cwes.to_vec();
        finding
    }

    fn advisory(ids: &[&str], version: &str) -> Finding {
        let mut finding = Finding::new(Category::Vulnerability, "tool", ids[0], Severity::High);
        finding.ids = ids.iter().map(|id| Text::line(id)).collect();
        finding.package =
            Some(Package { name: Text::line("Jinja_2"), version: Text::line(version), ..Package::default() });
        finding.target = Some(Text::line("app:1 (alpine 3.20)"));
        finding
    }

    fn secret(line: u32, value: &str) -> Finding {
        let mut finding = Finding::new(Category::Secret, "tool", "key", Severity::Critical);
        finding.location = Location::new("a.env", Some(line), None, &[]);
        finding.mark = Some(SecretDigest::of_value(value));
        finding
    }

    fn members(findings: &[(&Finding, usize)]) -> Vec<Vec<usize>> {
        group(findings.iter().copied()).into_iter().map(|g| g.members).collect()
    }

    #[test]
    fn advisories_join_through_their_aliases() {
        let (trivy, grype) = (advisory(&["CVE-2026-1"], "1.0"), advisory(&["GHSA-x", "cve-2026-1"], "1.0"));
        assert_eq!(members(&[(&trivy, 0), (&grype, 1)]), [vec![0, 1]]);
        assert_eq!(members(&[(&trivy, 0), (&advisory(&["CVE-2026-1"], "1.1"), 1)]).len(), 2);
        let mut elsewhere = grype.clone();
        elsewhere.target = Some(Text::line("worker:1"));
        assert_eq!(members(&[(&trivy, 0), (&elsewhere, 1)]).len(), 2);
    }

    #[test]
    fn packages_of_two_ecosystems_or_groups_are_two() {
        let of = |purl: Option<&str>, ecosystem: Option<&str>| {
            let mut finding = advisory(&["CVE-2026-1"], "1.0");
            let package = finding.package.as_mut().unwrap();
            (package.purl, package.ecosystem) = (purl.map(Text::line), ecosystem.map(str::to_owned));
            finding
        };
        let npm = of(Some("pkg:npm/jinja_2@1.0"), None);
        for (other, rows) in [
            (of(Some("pkg:npm/Jinja_2@1.0"), None), 1),
            (of(None, None), 1),
            (of(None, Some("npm")), 1),
            (of(Some("pkg:pypi/jinja-2@1.0"), None), 2),
            (of(None, Some("pypi")), 2),
        ] {
            assert_eq!(members(&[(&npm, 0), (&other, 1)]).len(), rows, "{:?}", other.package);
        }
        let maven = |group: &str| of(Some(&format!("pkg:maven/{group}/Jinja_2@1.0")), None);
        assert_eq!(members(&[(&maven("org.a"), 0), (&maven("org.b"), 1)]).len(), 2);
        assert_eq!(members(&[(&maven("org.a"), 0), (&maven("org.a"), 1)]).len(), 1);
    }

    #[test]
    fn secrets_join_by_value_and_place() {
        let (one, two) = (secret(3, "s3cret"), secret(3, "s3cret"));
        assert_eq!(members(&[(&one, 0), (&two, 1)]), [vec![0, 1]]);
        assert_eq!(members(&[(&one, 0), (&secret(3, "other"), 1)]).len(), 2);
        assert_eq!(members(&[(&one, 0), (&secret(4, "s3cret"), 1)]).len(), 2);
    }

    #[test]
    fn secrets_in_one_line_are_one_unless_something_known_differs() {
        let of_tool = |tool: &str, rule: &str, mark: Option<SecretDigest>| {
            let mut finding = secret(3, "");
            (finding.tool, finding.rule_id, finding.mark) = (Text::line(tool), Text::line(rule), mark);
            finding
        };
        let value = |value: &str| Some(SecretDigest::of_value(value));
        let one = of_tool("gitleaks", "key", value("s3cret"));
        let two = of_tool("trufflehog", "key", value("other"));
        let keyword = of_tool("detect-secrets", "keyword", None);
        let entropy = of_tool("detect-secrets", "entropy", None);
        let trivy = of_tool("trivy", "key", None);
        assert_eq!(members(&[(&one, 0), (&keyword, 1), (&entropy, 1), (&trivy, 2)]), [vec![0, 1, 2, 3]]);
        // A check that says two things means two, and so does a tool of two images.
        assert_eq!(members(&[(&keyword, 0), (&keyword, 0)]).len(), 2);
        assert_eq!(members(&[(&trivy, 0), (&trivy, 1)]).len(), 2);
        // What has no value binds no two that differ.
        assert_eq!(members(&[(&one, 0), (&keyword, 1), (&two, 2)]), [vec![0, 1], vec![2]]);
        assert_eq!(members(&[(&keyword, 0), (&one, 1), (&two, 2)]), [vec![0, 1], vec![2]]);
        let (mut image, mut other_image) = (trivy, keyword);
        image.target = Some(Text::line("app:1"));
        other_image.target = Some(Text::line("worker:1"));
        assert_eq!(members(&[(&image, 0), (&other_image, 1)]).len(), 2);
    }

    #[test]
    fn code_joins_by_rule_or_weakness_and_never_within_a_report() {
        let (a, b) = (code("r1", 3, &[89]), code("r2", 3, &[20, 89]));
        assert_eq!(group([(&a, 0), (&b, 1)])[0].why, Some(DuplicateReason::SameWeakness));
        assert_eq!(members(&[(&a, 0), (&b, 0)]).len(), 2);
        assert_eq!(members(&[(&a, 0), (&code("r3", 3, &[79]), 1)]).len(), 2);
        assert_eq!(
            members(&[(&a, 0), (&code("r1", 3, &[]), 1), (&code("r1", 4, &[]), 1)]),
            [vec![0, 1], vec![2]]
        );
    }
}
