//! Ignore files of scanners, read so that their lines can become waivers: `.trivyignore` and `.trivyignore.yaml`
//! (Trivy), `.grype.yaml` (Grype), `osv-scanner.toml` (OSV-Scanner), `.gitleaksignore` (gitleaks), `.snyk` (Snyk, after
//! its `snyk ignore` documentation), `.checkov.yaml` (Checkov), `.secrets.baseline` (detect-secrets), `.semgrepignore`
//! (Semgrep).
//!
//! A waiver is exact. What is a pattern, or names a whole class, is handed on with why it can be none; never dropped.

use serde::Deserialize;

use super::PolicyError;
use super::error::PolicyProblems;
use super::load::utf8;
use super::load::yaml::{YamlFileKind, tree};
use super::written::node::{Node, NodeKind as Shape};
use crate::finding::{Category, clean_line, is_hex};
use crate::policy::diagnostics::PolicyDiagnostic;

const FILE: YamlFileKind = YamlFileKind {
    one: "ignore file",
    many: "ignore files",
    begin: "start with `version: 1`",
    bytes: 4 << 20,
    events: 1_000_000,
};

/// One thing that a scanner is told to ignore.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignored {
    /// Where it stands: a line, or its place in a list.
    pub place: String,
    /// Kind of problem, where the file says.
    pub category: Option<Category>,
    /// The advisory's id.
    pub id: Option<String>,
    /// The scanner's id of the check.
    pub rule_id: Option<String>,
    /// The file that it is ignored in.
    pub path: Option<String>,
    /// The package that it is ignored in.
    pub package: Option<String>,
    /// Why, as the file says.
    pub reason: Option<String>,
    /// The last day, as the file says.
    pub until: Option<String>,
    /// Why it cannot be an exact waiver, or what a waiver leaves out.
    pub said: Vec<String>,
}

impl Ignored {
    /// Whether it names something exactly enough for a waiver.
    pub fn is_exact(&self) -> bool {
        self.id.is_some() || self.rule_id.is_some() && self.path.is_some()
    }
}

/// Reads an ignore file; its name says what it is, as it does to its scanner.
pub fn read_ignore_file(source: &str, bytes: &[u8]) -> Result<Vec<Ignored>, PolicyError> {
    let mut problems = PolicyProblems::default();
    let Some(text) = utf8(bytes, FILE, &mut problems) else {
        return Err(PolicyError::new(source, "", problems));
    };
    let name = source.rsplit('/').next().unwrap_or(source).to_ascii_lowercase();
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let yaml = ends(&[".yaml", ".yml"]);
    let read = if ends(&[".snyk"]) {
        tree(text, FILE, &mut problems).map(|root| snyk(&root))
    } else if yaml && name.contains("checkov") {
        tree(text, FILE, &mut problems).map(|root| checkov(&root))
    } else if ends(&[".secrets.baseline"]) {
        tree(text, FILE, &mut problems).map(|root| secrets_baseline(&root))
    } else if name.ends_with("semgrepignore") {
        Some(lines(text, semgrep))
    } else if yaml && (name.contains("trivy") || name.contains("grype")) {
        tree(text, FILE, &mut problems)
            .map(|root| if name.contains("trivy") { trivy_yaml(&root) } else { grype(&root) })
    } else if ends(&[".toml"]) {
        osv(text)
            .map_err(|why| {
                problems.add(super::error::SourcePosition::START, PolicyDiagnostic::InvalidToml { why });
            })
            .ok()
    } else if name.contains("gitleaksignore") {
        Some(lines(text, gitleaks))
    } else if name.contains("trivyignore") {
        Some(lines(text, trivy))
    } else {
        problems.add(super::error::SourcePosition::START, PolicyDiagnostic::UnknownIgnoreFile);
        None
    };
    match read {
        Some(ignored) if problems.is_empty() => Ok(ignored),
        _ => Err(PolicyError::new(source, text, problems)),
    }
}

/// The lines that say something.
fn lines(text: &str, of: fn(&str) -> Ignored) -> Vec<Ignored> {
    let told = |line: &&(usize, &str)| !line.1.is_empty() && !line.1.starts_with('#');
    let lines: Vec<(usize, &str)> = text.lines().map(str::trim).enumerate().collect();
    lines.iter().filter(told).map(|(at, line)| Ignored { place: (at + 1).to_string(), ..of(line) }).collect()
}

/// `ID exp:2026-12-31 # why`: the id counts for every kind of problem.
fn trivy(line: &str) -> Ignored {
    let mut words = line.split_whitespace();
    let id = words.next().unwrap_or_default();
    let mut ignored = ignored_id(id, None);
    let (before, comment) = line.split_once(" #").unwrap_or((line, ""));
    ignored.reason = Some(comment.trim().to_owned()).filter(|comment| !comment.is_empty());
    for word in before.split_whitespace().skip(1) {
        match word.strip_prefix("exp:") {
            Some(day) => ignored.until = Some(day.to_owned()),
            None => ignored.said.push(format!("`{}` is not understood", clean_line(word))),
        }
    }
    ignored
}

/// An id by itself: an advisory, or a check, which a waiver names with its file.
fn ignored_id(id: &str, category: Option<Category>) -> Ignored {
    let known =
        ["CVE-", "GHSA-", "GO-", "RUSTSEC-", "PYSEC-", "OSV-", "DSA-", "DLA-", "USN-", "RHSA-", "ALAS"];
    let advisory = || known.iter().any(|start| id.to_ascii_uppercase().starts_with(start));
    if category.map_or_else(advisory, |category| category == Category::Vulnerability) {
        return Ignored {
            category: Some(Category::Vulnerability),
            id: Some(id.to_owned()),
            ..Ignored::default()
        };
    }
    Ignored { category, rule_id: Some(id.to_owned()), ..Ignored::default() }
}

/// `COMMIT:FILE:RULE:LINE`, or without the commit.
fn gitleaks(line: &str) -> Ignored {
    let mut ignored = Ignored { category: Some(Category::Secret), ..Ignored::default() };
    let mut from_end = line.rsplitn(3, ':');
    let (at, rule, place) = (from_end.next(), from_end.next(), from_end.next());
    let (Some(at), Some(rule), Some(place)) = (at, rule, place) else {
        ignored.said.push("it is no `COMMIT:FILE:RULE:LINE`".to_owned());
        return ignored;
    };
    let is_commit = |text: &str| text.len() >= 7 && is_hex(text);
    let path = match place.split_once(':') {
        Some((commit, path)) if is_commit(commit) => path,
        _ => place,
    };
    ignored.rule_id = Some(rule.to_owned());
    ignored.path = Some(path.trim_start_matches("./").to_owned());
    ignored.said.push(format!(
        "it was about line {} alone; a fingerprint from the JSON output is as narrow",
        clean_line(at)
    ));
    ignored
}

fn get<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let Shape::Map(pairs) = &node.kind else { return None };
    pairs.iter().find(|(known, _)| known.text == key).map(|(_, value)| value)
}

fn text(node: &Node, key: &str) -> Option<String> {
    get(node, key)?.text().map(str::to_owned).filter(|text| !text.is_empty())
}

fn list<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    match get(node, key).map(|node| &node.kind) {
        Some(Shape::List(items)) => items,
        _ => &[],
    }
}

fn trivy_yaml(root: &Node) -> Vec<Ignored> {
    let lists = [
        ("vulnerabilities", Category::Vulnerability),
        ("misconfigurations", Category::Misconfiguration),
        ("secrets", Category::Secret),
        ("licenses", Category::License),
    ];
    let of = |(key, category): (&'static str, Category)| {
        list(root, key).iter().flat_map(move |entry| trivy_entry(entry, category))
    };
    lists.into_iter().flat_map(of).collect()
}

/// An entry, once for each path and package that it names.
fn trivy_entry(entry: &Node, category: Category) -> Vec<Ignored> {
    let mut whole = match text(entry, "id") {
        Some(id) => ignored_id(&id, Some(category)),
        None => Ignored { said: vec!["it has no `id`".to_owned()], ..Ignored::default() },
    };
    whole.place = entry.at.line.to_string();
    whole.category = Some(category);
    whole.reason = text(entry, "statement");
    whole.until = text(entry, "expired_at").map(|time| time.chars().take(10).collect());
    let texts =
        |key: &str| list(entry, key).iter().filter_map(Node::text).map(str::to_owned).collect::<Vec<_>>();
    let (paths, purls) = (texts("paths"), texts("purls"));
    let mut all = vec![whole];
    if !paths.is_empty() {
        all = paths.iter().flat_map(|path| all.iter().map(move |one| with_path(one, path))).collect();
    }
    if !purls.is_empty() {
        all = purls.iter().flat_map(|purl| all.iter().map(move |one| with_purl(one, purl))).collect();
    }
    all
}

fn with_path(whole: &Ignored, path: &str) -> Ignored {
    let mut one = whole.clone();
    if path.contains(['*', '?', '[', '{']) {
        one.said.push(format!("`{}` is a pattern, and a waiver names one file", clean_line(path)));
        one.id = None;
    } else {
        one.path = Some(path.trim_start_matches("./").to_owned());
    }
    one
}

fn with_purl(whole: &Ignored, text: &str) -> Ignored {
    let mut one = whole.clone();
    let Some(purl) = crate::finding::Purl::parse(text) else {
        one.said.push(format!("`{}` is not a package URL", clean_line(text)));
        one.id = None;
        return one;
    };
    if !purl.version.is_empty() {
        one.said.push(format!("a waiver holds for any version, not only for {}", clean_line(&purl.version)));
    }
    one.package = Some(match (purl.kind.as_str(), purl.namespace.as_str()) {
        ("deb" | "apk" | "rpm" | "alpm", _) | (_, "") => purl.name,
        ("maven", group) => format!("{group}:{}", purl.name),
        (_, group) => format!("{group}/{}", purl.name),
    });
    one
}

/// Rules of `ignore:`: all that one gives must hold.
fn grype(root: &Node) -> Vec<Ignored> {
    let rule = |rule: &Node| {
        let mut one = match text(rule, "vulnerability") {
            Some(id) => ignored_id(&id, Some(Category::Vulnerability)),
            None => Ignored {
                said: vec!["it names no `vulnerability`, so that it ignores a whole class".to_owned()],
                ..Ignored::default()
            },
        };
        one.place = rule.at.line.to_string();
        one.category = Some(Category::Vulnerability);
        one.reason = text(rule, "reason");
        let package = get(rule, "package");
        one.package = package.and_then(|package| text(package, "name"));
        // Grype takes the name for a regular expression.
        if one
            .package
            .as_ref()
            .is_some_and(|name| name.contains(['*', '+', '?', '[', '(', '|', '^', '$', '\\']))
        {
            one.said.push("`package.name` is a pattern, and a waiver names one package".to_owned());
            one.id = None;
        }
        for key in ["fix-state", "namespace", "vex-status", "vex-justification", "match-type"] {
            if text(rule, key).is_some() {
                one.said.push(format!("`{key}` narrows it, and a waiver cannot say that"));
                one.id = None;
            }
        }
        for key in ["version", "language", "type", "location", "upstream-name"] {
            if package.is_some_and(|package| text(package, key).is_some()) {
                one.said.push(format!("`package.{key}` narrows it, and a waiver cannot say that"));
                one.id = None;
            }
        }
        one
    };
    list(root, "ignore").iter().map(rule).collect()
}

/// The entries of a map.
fn entries<'n>(node: &'n Node, key: &str) -> impl Iterator<Item = (&'n str, &'n Node)> {
    let pairs = match get(node, key).map(|node| &node.kind) {
        Some(Shape::Map(pairs)) => pairs.as_slice(),
        _ => &[],
    };
    pairs.iter().map(|(key, value)| (key.text.as_str(), value))
}

/// `ignore: {ID: [{PATH: {reason, expires}}]}`: the path is one of packages, such as `debug > ms`, or of a file.
fn snyk(root: &Node) -> Vec<Ignored> {
    let mut all = Vec::new();
    for (id, list) in entries(root, "ignore") {
        let Shape::List(items) = &list.kind else { continue };
        for item in items {
            let Shape::Map(pairs) = &item.kind else { continue };
            for (path, facts) in pairs {
                let mut one = Ignored {
                    place: path.at.line.to_string(),
                    category: Some(Category::Vulnerability),
                    id: Some(id.to_owned()),
                    reason: text(facts, "reason"),
                    until: text(facts, "expires").map(|time| time.chars().take(10).collect()),
                    ..Ignored::default()
                };
                if path.text != "*" {
                    // The last package on the way is the one with the vulnerability.
                    let last = path.text.rsplit('>').next().unwrap_or_default().trim();
                    let name = last.char_indices().skip(1).find(|(_, c)| *c == '@');
                    let name = name.and_then(|(at, _)| last.get(..at)).unwrap_or(last);
                    if name.contains(['/', '*', '|']) && !name.starts_with('@') || name.is_empty() {
                        one.said.push(format!(
                            "`{}` is a pattern or a place, and a waiver names a package",
                            clean_line(&path.text)
                        ));
                        one.id = None;
                    } else {
                        one.package = Some(name.to_owned());
                        one.said.push(format!(
                            "a waiver holds on any way to the package, not only on {}",
                            clean_line(&path.text)
                        ));
                    }
                }
                all.push(one);
            }
        }
    }
    for (group, list) in entries(root, "exclude") {
        let Shape::List(items) = &list.kind else { continue };
        all.extend(
            items.iter().map(|item| left_unscanned(item.at.line.to_string(), &format!("exclude.{group}"))),
        );
    }
    all
}

/// A setting that keeps files from being scanned.
fn left_unscanned(place: String, what: &str) -> Ignored {
    let said =
        format!("`{}` keeps files from being scanned, and a waiver is about a finding", clean_line(what));
    Ignored { place, said: vec![said], ..Ignored::default() }
}

/// `skip-check` names checks in every file, `skip-path` files in every check.
fn checkov(root: &Node) -> Vec<Ignored> {
    let of = |key: &str| -> Vec<(u64, String)> {
        let Some(node) = get(root, key) else { return Vec::new() };
        let items: Vec<&Node> = match &node.kind {
            Shape::List(items) => items.iter().collect(),
            Shape::Scalar { .. } | Shape::Map(_) | Shape::Broken => vec![node],
        };
        let words = |item: &Node| {
            let words = item.text().unwrap_or_default().split(',').map(|word| word.trim().to_owned());
            words.filter(|word| !word.is_empty()).map(|word| (item.at.line, word)).collect::<Vec<_>>()
        };
        items.into_iter().flat_map(words).collect()
    };
    let check = |(line, id): (u64, String)| Ignored {
        place: line.to_string(),
        category: Some(Category::Misconfiguration),
        rule_id: Some(id),
        ..Ignored::default()
    };
    let path = |(line, path): (u64, String)| left_unscanned(line.to_string(), &format!("skip-path {path}"));
    of("skip-check").into_iter().map(check).chain(of("skip-path").into_iter().map(path)).collect()
}

/// `results: {FILE: [{type, is_secret}]}`: what somebody audited as no secret can be excepted, and nothing else.
fn secrets_baseline(root: &Node) -> Vec<Ignored> {
    let mut all = Vec::new();
    for (file, list) in entries(root, "results") {
        let Shape::List(items) = &list.kind else { continue };
        for item in items {
            let mut one = Ignored {
                place: item.at.line.to_string(),
                category: Some(Category::Secret),
                rule_id: text(item, "type"),
                path: Some(file.trim_start_matches("./").to_owned()),
                ..Ignored::default()
            };
            if get(item, "is_secret").and_then(Node::plain) == Some("false") {
                one.reason = Some("audited as no secret (detect-secrets audit)".to_owned());
            } else {
                one.said.push(format!(
                    "{}: nobody has audited it as no secret (`is_secret: false`)",
                    clean_line(file)
                ));
                one.path = None;
            }
            all.push(one);
        }
    }
    all
}

/// Each line is a pattern of files that are not scanned.
fn semgrep(line: &str) -> Ignored {
    left_unscanned(String::new(), line)
}

#[derive(Deserialize)]
struct OsvConfig {
    #[serde(default, rename = "IgnoredVulns")]
    ignored: Vec<OsvIgnored>,
    #[serde(default, rename = "PackageOverrides")]
    overrides: Vec<OsvOverride>,
}

#[derive(Deserialize)]
struct OsvIgnored {
    id: String,
    #[serde(rename = "ignoreUntil")]
    until: Option<toml::Value>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct OsvOverride {
    #[serde(default)]
    name: String,
    reason: Option<String>,
}

fn osv(text: &str) -> Result<Vec<Ignored>, String> {
    let config: OsvConfig = toml::from_str(text)
        .map_err(|error| format!("it cannot be read: {}", clean_line(error.message())))?;
    let day = |value: toml::Value| match value {
        toml::Value::Datetime(time) => time.to_string().chars().take(10).collect(),
        toml::Value::String(text) => text.chars().take(10).collect(),
        _ => "no day".to_owned(),
    };
    let ignored = config.ignored.into_iter().enumerate().map(|(at, entry)| Ignored {
        place: format!("IgnoredVulns[{at}]"),
        reason: entry.reason,
        until: entry.until.map(day),
        ..ignored_id(&entry.id, Some(Category::Vulnerability))
    });
    let overrides = config.overrides.into_iter().enumerate().map(|(at, entry)| Ignored {
        place: format!("PackageOverrides[{at}]"),
        category: Some(Category::Vulnerability),
        package: Some(entry.name).filter(|name| !name.is_empty()),
        reason: entry.reason,
        said: vec!["it ignores a whole package, and a waiver names a vulnerability".to_owned()],
        ..Ignored::default()
    });
    Ok(ignored.chain(overrides).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(name: &str, text: &str) -> Vec<Ignored> {
        read_ignore_file(name, text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
    }

    fn exact(one: &Ignored) -> (Option<&str>, Option<&str>, Option<&str>, bool) {
        (one.id.as_deref(), one.path.as_deref(), one.package.as_deref(), one.is_exact())
    }

    #[test]
    fn snyk_checkov_detect_secrets_and_semgrep() {
        let snyk = "version: v1.25.0\nignore:\n  SNYK-JS-LODASH-567746:\n    - '*':\n        reason: not reached\n        \
                    expires: 2026-12-31T00:00:00.000Z\n  'npm:ms:20170412':\n    - debug > ms@2.0.0:\n        reason: r\n    \
                    - 'src/**':\n        reason: r\nexclude:\n  global:\n    - vendor/**\n";
        let read = read_as(".snyk", snyk);
        assert_eq!(exact(&read[0]), (Some("SNYK-JS-LODASH-567746"), None, None, true));
        assert_eq!(
            (read[0].until.as_deref(), read[0].reason.as_deref()),
            (Some("2026-12-31"), Some("not reached"))
        );
        assert_eq!(exact(&read[1]), (Some("npm:ms:20170412"), None, Some("ms"), true));
        assert!(!read[2].is_exact() && !read[3].is_exact() && read.len() == 4, "{read:?}");
        let read = read_as(
            "a/.checkov.yaml",
            "skip-check:\n  - CKV_AWS_1\n  - CKV_AWS_2, CKV_K8S_3\nskip-path: [vendor]\n",
        );
        let ids: Vec<_> = read.iter().map(|one| (one.rule_id.as_deref(), one.is_exact())).collect();
        assert_eq!(
            ids,
            [
                (Some("CKV_AWS_1"), false),
                (Some("CKV_AWS_2"), false),
                (Some("CKV_K8S_3"), false),
                (None, false)
            ]
        );
        let baseline = r#"{"version":"1.5.0","results":{"./a.env":[{"type":"AWS Access Key","hashed_secret":"00",
            "line_number":3,"is_secret":false},{"type":"Secret Keyword","hashed_secret":"01","line_number":4}]}}"#;
        let read = read_as(".secrets.baseline", baseline);
        assert_eq!(
            (read[0].rule_id.as_deref(), read[0].path.as_deref()),
            (Some("AWS Access Key"), Some("a.env"))
        );
        assert!(read[0].is_exact() && !read[1].is_exact());
        let read = read_as(".semgrepignore", "# comment\nvendor/\n");
        assert!(read.len() == 1 && !read[0].is_exact() && read[0].place == "2", "{read:?}");
    }

    #[test]
    fn trivys_two_files() {
        let plain = read_as(".trivyignore", "# why\nCVE-2026-1 exp:2026-12-31 # not called\n\nAVD-DS-0002\n");
        assert_eq!(exact(&plain[0]), (Some("CVE-2026-1"), None, None, true));
        assert_eq!(
            (plain[0].until.as_deref(), plain[0].reason.as_deref()),
            (Some("2026-12-31"), Some("not called"))
        );
        assert_eq!((plain[0].place.as_str(), plain[1].is_exact()), ("2", false));
        let yaml = read_as(
            "x/.trivyignore.yaml",
            "vulnerabilities:\n  - {id: CVE-2026-1, paths: [a/go.sum, \"b/*\"], statement: why, expired_at: 2026-12-31}\n  - {id: CVE-2026-2, purls: [\"pkg:deb/debian/xz@5.0\"]}\nmisconfigurations:\n  - {id: KSV-0017, paths: [deploy/a.yaml]}\n  - {id: KSV-0018}\n",
        );
        let all: Vec<_> = yaml.iter().map(exact).collect();
        assert_eq!(
            all,
            [
                (Some("CVE-2026-1"), Some("a/go.sum"), None, true),
                (None, None, None, false),
                (Some("CVE-2026-2"), None, Some("xz"), true),
                (None, Some("deploy/a.yaml"), None, true),
                (None, None, None, false),
            ]
        );
        assert!(yaml[1].said[0].contains("is a pattern"));
    }

    #[test]
    fn grype_osv_and_gitleaks() {
        let grype = read_as(
            ".grype.yaml",
            "ignore:\n  - {vulnerability: CVE-2026-1, package: {name: xz}, reason: why}\n  - {fix-state: wont-fix}\n  - {vulnerability: CVE-2026-2, package: {name: \"lib.*\"}}\n  - {vulnerability: CVE-2026-3, namespace: x}\n",
        );
        let all: Vec<_> = grype.iter().map(exact).collect();
        assert_eq!(all[0], (Some("CVE-2026-1"), None, Some("xz"), true));
        assert!(all[1..].iter().all(|one| !one.3) && grype.iter().skip(1).all(|one| !one.said.is_empty()));
        let osv = read_as(
            "osv-scanner.toml",
            "[[IgnoredVulns]]\nid = \"GO-2022-0968\"\nignoreUntil = 2026-11-09\nreason = \"why\"\n[[PackageOverrides]]\nname = \"lib\"\nignore = true\n",
        );
        assert_eq!(
            (exact(&osv[0]), osv[0].until.as_deref()),
            ((Some("GO-2022-0968"), None, None, true), Some("2026-11-09"))
        );
        assert!(!osv[1].is_exact() && osv[1].said[0].contains("whole package"));
        let commit = "a".repeat(40);
        let gitleaks = read_as(
            ".gitleaksignore",
            &format!("{commit}:src/a.py:aws-access-token:14\nsrc/b.py:key:1\nodd\n"),
        );
        let all: Vec<_> = gitleaks.iter().map(|one| (one.rule_id.as_deref(), one.path.as_deref())).collect();
        assert_eq!(
            all,
            [(Some("aws-access-token"), Some("src/a.py")), (Some("key"), Some("src/b.py")), (None, None)]
        );
    }

    #[test]
    fn what_is_no_ignore_file_is_an_error() {
        for (name, text) in
            [("x.txt", "CVE-2026-1"), ("osv-scanner.toml", "[["), (".grype.yaml", "ignore: [")]
        {
            assert!(read_ignore_file(name, text.as_bytes()).is_err(), "{name}");
        }
    }
}
