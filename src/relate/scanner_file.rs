//! Scanners' own files in a project, configuration and lists of what is ignored, and in what a change softens them.
//!
//! A list of exceptions is compared entry by entry, and one entry less is no harm. Of any other setting nobody can say
//! here whether it is stricter, so that a change of it is one to look at. No text of such a file is repeated but ids and
//! patterns of paths: the rest may be a secret, or name one.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A scanner's own file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScannerFile {
    /// The scanner.
    pub tool: &'static str,
    kind: ScannerFileKind,
}

/// What a change makes a scanner see less by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Softened {
    /// Line of the file after the change, from 1; none where it is gone.
    pub line: Option<u64>,
    /// Its statement.
    pub before: String,
    /// Its statement.
    pub after: String,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ScannerFileKind {
    /// Something ignored a line.
    Lines,
    /// Patterns as in `.gitignore`, where `!` takes some back.
    Patterns,
    /// Settings, of which only the text can be compared.
    Text,
    /// Settings as a tree, with lists of exceptions in it.
    Tree(Syntax, &'static [&'static str]),
    /// A file of many, of which these keys are the scanner's.
    Part(Syntax, &'static [&'static str]),
    /// A file of many, of which the lines with one of these words, in lower case, are the scanner's.
    Words(&'static [&'static str]),
    /// A file of many, of which the sections with these names are the scanner's.
    Sections(&'static [&'static str]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syntax {
    Json,
    Yaml,
    Toml,
}

use Syntax::{Json, Toml, Yaml};

/// Names of files, or the ends of their paths, with their scanner: from its documentation. The paths of a tree are the
/// keys that lead to a list of exceptions, where `*` is any key.
const FILES: &[(&str, &str, ScannerFileKind)] = &[
    (".semgrepignore", "Semgrep", ScannerFileKind::Patterns),
    (".semgrep.yml", "Semgrep", ScannerFileKind::Tree(Yaml, &[])),
    (".semgrep.yaml", "Semgrep", ScannerFileKind::Tree(Yaml, &[])),
    (".trivyignore", "Trivy", ScannerFileKind::Lines),
    (".trivyignore.yaml", "Trivy", TRIVY_IGNORE),
    (".trivyignore.yml", "Trivy", TRIVY_IGNORE),
    ("trivy.yaml", "Trivy", ScannerFileKind::Tree(Yaml, &["scan.skip-dirs", "scan.skip-files"])),
    ("trivy-secret.yaml", "Trivy", ScannerFileKind::Tree(Yaml, &[])),
    (".grype.yaml", "Grype", GRYPE),
    (".grype.yml", "Grype", GRYPE),
    (".grype/config.yaml", "Grype", GRYPE),
    ("osv-scanner.toml", "OSV-Scanner", ScannerFileKind::Tree(Toml, &["IgnoredVulns", "PackageOverrides"])),
    (".gitleaksignore", "gitleaks", ScannerFileKind::Lines),
    (".gitleaks.toml", "gitleaks", ScannerFileKind::Tree(Toml, &["allowlists"])),
    (".secrets.baseline", "detect-secrets", ScannerFileKind::Tree(Json, &["results.*", "filters_used"])),
    (".gitguardian.yaml", "ggshield", GITGUARDIAN),
    (".gitguardian.yml", "ggshield", GITGUARDIAN),
    (".checkov.yaml", "Checkov", CHECKOV),
    (".checkov.yml", "Checkov", CHECKOV),
    (".checkov.baseline", "Checkov", ScannerFileKind::Tree(Json, &["failed_checks"])),
    ("kics.config", "KICS", ScannerFileKind::Text),
    (".tfsec/config.yml", "tfsec", ScannerFileKind::Tree(Yaml, &["exclude"])),
    (".tfsec/config.yaml", "tfsec", ScannerFileKind::Tree(Yaml, &["exclude"])),
    (".tfsec/config.json", "tfsec", ScannerFileKind::Tree(Json, &["exclude"])),
    (".bandit", "Bandit", ScannerFileKind::Text),
    ("bandit.yaml", "Bandit", ScannerFileKind::Tree(Yaml, &["skips", "exclude_dirs"])),
    ("bandit.yml", "Bandit", ScannerFileKind::Tree(Yaml, &["skips", "exclude_dirs"])),
    ("sonar-project.properties", "SonarQube", ScannerFileKind::Text),
    (".sonarcloud.properties", "SonarQube", ScannerFileKind::Text),
    (".spectral.yaml", "Spectral", ScannerFileKind::Tree(Yaml, &[])),
    (".spectral.yml", "Spectral", ScannerFileKind::Tree(Yaml, &[])),
    (".spectral.json", "Spectral", ScannerFileKind::Tree(Json, &[])),
    (".spectral.js", "Spectral", ScannerFileKind::Text),
    ("brakeman.ignore", "Brakeman", ScannerFileKind::Tree(Json, &["ignored_warnings"])),
    (".snyk", "Snyk", ScannerFileKind::Tree(Yaml, &["ignore.*"])),
    (".gitlab/sast-ruleset.toml", "GitLab SAST", ScannerFileKind::Tree(Toml, &[])),
    (".gitlab/secret-detection-ruleset.toml", "GitLab secret detection", ScannerFileKind::Tree(Toml, &[])),
    (".github/codeql/codeql-config.yml", "CodeQL", ScannerFileKind::Tree(Yaml, &["paths-ignore"])),
    // Of more than one tool, and names that do not hold the tool's.
    (".npmrc", "npm audit", ScannerFileKind::Text),
    (
        ".yarnrc.yml",
        "Yarn's audit",
        ScannerFileKind::Part(
            Yaml,
            &["npmAuditIgnoreAdvisories", "npmAuditExcludePackages", "npmAuditRegistry"],
        ),
    ),
    ("pnpm-workspace.yaml", "pnpm's audit", ScannerFileKind::Part(Yaml, &["auditConfig", "auditLevel"])),
    (
        "package.json",
        "npm's and pnpm's audit or ESLint",
        ScannerFileKind::Part(Json, &["pnpm.auditConfig", "auditConfig", "eslintConfig"]),
    ),
    (".nsprc", "better-npm-audit", ScannerFileKind::Tree(Json, &[])),
    (".iyarc", "improved-yarn-audit", ScannerFileKind::Lines),
    (
        "pyproject.toml",
        "Bandit, Ruff or Semgrep",
        ScannerFileKind::Part(Toml, &["tool.bandit", "tool.ruff", "tool.semgrep", "tool.pip-audit"]),
    ),
    (".dcignore", "Snyk Code", ScannerFileKind::Patterns),
    ("deny.toml", "cargo-deny", ScannerFileKind::Tree(Toml, &["advisories.ignore"])),
    (".cargo/audit.toml", "cargo-audit", ScannerFileKind::Tree(Toml, &["advisories.ignore"])),
    ("audit.toml", "cargo-audit", ScannerFileKind::Tree(Toml, &["advisories.ignore"])),
    (".gitallowed", "git-secrets", ScannerFileKind::Lines),
    (".secretsignore", "ripsecrets", ScannerFileKind::Patterns),
    ("lint.xml", "Android Lint", ScannerFileKind::Text),
    ("lint-baseline.xml", "Android Lint", ScannerFileKind::Text),
    ("dependency_decisions.yml", "License Finder", ScannerFileKind::Text),
    (".zap/rules.tsv", "ZAP", ScannerFileKind::Text),
    ("composer.json", "Composer's audit", ScannerFileKind::Part(Json, &["config.audit"])),
    (".github/secret_scanning.yml", "GitHub secret scanning", ScannerFileKind::Tree(Yaml, &["paths-ignore"])),
    ("suppressions.xml", "Dependency-Check", ScannerFileKind::Text),
    ("suppression.xml", "Dependency-Check", ScannerFileKind::Text),
    (".deny.toml", "cargo-deny", ScannerFileKind::Tree(Toml, &["advisories.ignore"])),
    (".cargo/deny.toml", "cargo-deny", ScannerFileKind::Tree(Toml, &["advisories.ignore"])),
    ("auditjs.json", "AuditJS", ScannerFileKind::Text),
    (".auditjs.json", "AuditJS", ScannerFileKind::Text),
    ("audit-resolve.json", "npm-audit-resolver", ScannerFileKind::Text),
    ("setup.cfg", "Bandit or Flake8", PYTHON_SECTIONS),
    ("tox.ini", "Bandit or Flake8", PYTHON_SECTIONS),
    ("pom.xml", "SonarQube or Dependency-Check", BUILD_WORDS),
    ("build.gradle", "SonarQube or Dependency-Check", BUILD_WORDS),
    ("build.gradle.kts", "SonarQube or Dependency-Check", BUILD_WORDS),
    (".editorconfig", ".NET analyzers", DOTNET_WORDS),
    (".globalconfig", ".NET analyzers", DOTNET_WORDS),
    (".gitlab-ci.yml", "GitLab's analyzers", GITLAB_WORDS),
];

/// Ends of names of files of many, as above.
const ENDINGS: &[(&str, &str, ScannerFileKind)] = &[
    (".csproj", "NuGet's audit or .NET analyzers", DOTNET_WORDS),
    (".fsproj", "NuGet's audit or .NET analyzers", DOTNET_WORDS),
    (".vbproj", "NuGet's audit or .NET analyzers", DOTNET_WORDS),
    (".props", "NuGet's audit or .NET analyzers", DOTNET_WORDS),
    (".targets", "NuGet's audit or .NET analyzers", DOTNET_WORDS),
];

const PYTHON_SECTIONS: ScannerFileKind = ScannerFileKind::Sections(&["bandit", "flake8"]);
const BUILD_WORDS: ScannerFileKind = ScannerFileKind::Words(&[
    "sonar.exclusions",
    "sonar.inclusions",
    "sonar.issue.ignore",
    "sonar.skip",
    "sonar.coverage.exclusions",
    "sonar.test",
    "sonar.sources",
    "sonar.security",
    "suppressionfile",
    "failbuildoncvss",
    "skipconfigurations",
    "dependency-check.skip",
]);
const DOTNET_WORDS: ScannerFileKind = ScannerFileKind::Words(&[
    "nugetaudit",
    "nowarn",
    "runanalyzers",
    "enablenetanalyzers",
    "analysislevel",
    "analysismode",
    "dotnet_diagnostic.",
    "dotnet_analyzer_diagnostic.",
    "generated_code",
    "warningsnotaserrors",
]);
const GITLAB_WORDS: ScannerFileKind = ScannerFileKind::Words(&[
    "_excluded_paths",
    "_excluded_analyzers",
    "sast_disabled",
    "secret_detection_disabled",
    "dependency_scanning_disabled",
    "container_scanning_disabled",
    "secret_detection_log_options",
    "_ruleset_git_reference",
    "search_max_depth",
]);

/// Folders of scanners' own files whose names do not hold the tool's.
const FOLDERS: &[&str] = &[".vex", ".openvex", ".github/codeql"];

/// Scanners whose files hold their name: `.semgrepignore`, `.bearer.yml`, `.eslintrc`, `spotbugs-baseline.xml` and the like.
const TOOLS: &[&str] = &[
    "ansible-lint",
    "apiscan",
    "audit-ci",
    "anchore",
    "aqua",
    "bandit",
    "bearer",
    "betterleaks",
    "biome",
    "brakeman",
    "bridgecrew",
    "bundler-audit",
    "cfn-guard",
    "cfn-lint",
    "cfn-nag",
    "cfn_nag",
    "cfnlint",
    "checkmarx",
    "checkov",
    "clair",
    "clang-tidy",
    "codacy",
    "codeclimate",
    "codenarc",
    "codeql",
    "conftest",
    "cppcheck",
    "credo",
    "datree",
    "deepsource",
    "dependency-check",
    "detect-secrets",
    "detekt",
    "devskim",
    "dockle",
    "eslint",
    "findbugs",
    "flake8",
    "flawfinder",
    "fossa",
    "ggshield",
    "gitguardian",
    "gitleaks",
    "golangci",
    "golangci-lint",
    "gosec",
    "govulncheck",
    "grype",
    "hadolint",
    "horusec",
    "insider",
    "jfrog",
    "kics",
    "kingfisher",
    "kube-linter",
    "kube-score",
    "kubelinter",
    "kubescape",
    "kubesec",
    "lgtm",
    "licensed",
    "licensee",
    "megalinter",
    "mega-linter",
    "mend",
    "mobsf",
    "mobsfscan",
    "nancy",
    "njsscan",
    "noseyparker",
    "nuclei",
    "opengrep",
    "osv-scanner",
    "owasp",
    "oxlint",
    "perlcritic",
    "phan",
    "phpcs",
    "phpstan",
    "pip-audit",
    "pmd",
    "polaris",
    "poutine",
    "prisma",
    "prowler",
    "psalm",
    "regula",
    "retire",
    "rubocop",
    "ruff",
    "safety",
    "safety-policy",
    "salus",
    "scorecard",
    "secretlint",
    "semgrep",
    "shellcheck",
    "slither",
    "snyk",
    "sobelow",
    "solhint",
    "sonar",
    "sonarcloud",
    "sonarlint",
    "spectral",
    "spotbugs",
    "staticcheck",
    "swiftlint",
    "syft",
    "talisman",
    "terrascan",
    "tfsec",
    "tflint",
    "trivy",
    "trufflehog",
    "trufflehog3",
    "trunk",
    "tslint",
    "twistcli",
    "veracode",
    "whispers",
    "whitesource",
    "wiz",
    "xeol",
    "xray",
    "zap",
    "zizmor",
];

/// What such a name goes on with, in parts that `.`, `-` or `_` separate.
const PARTS: &[&str] = &[
    "allowlist",
    "baseline",
    "conf",
    "config",
    "exclude",
    "excludes",
    "exclusion",
    "exclusions",
    "file",
    "filter",
    "ignore",
    "ignores",
    "exceptions",
    "policy",
    "project",
    "rc",
    "rules",
    "secret",
    "settings",
    "skips",
    "suppress",
    "suppression",
    "suppressions",
    "todo",
    "dist",
    "local",
    "override",
    "whitelist",
    "lint",
    "cli",
];

/// What such a name ends in.
const ENDS: &[&str] = &[
    "cfg",
    "cjs",
    "conf",
    "config",
    "cts",
    "hcl",
    "ignore",
    "ini",
    "js",
    "json",
    "json5",
    "jsonc",
    "mjs",
    "neon",
    "properties",
    "rego",
    "toml",
    "ts",
    "txt",
    "xml",
    "yaml",
    "yml",
    "dist",
    "baseline",
];

/// Whether a file's name is that of a scanner's own file, and whether it is a list of what is ignored.
fn by_name(name: &str) -> Option<ScannerFileKind> {
    let lower = name.to_ascii_lowercase();
    let (hidden, bare) = lower.strip_prefix('.').map_or((false, lower.as_str()), |bare| (true, bare));
    let rest = TOOLS.iter().filter_map(|tool| bare.strip_prefix(tool)).min_by_key(|rest| rest.len())?;
    let glued = ["ignore", "rc"].iter().find_map(|glued| rest.strip_prefix(glued)).unwrap_or(rest);
    let is_glued = glued.len() < rest.len();
    let parts: Vec<&str> = glued.split(['.', '-', '_']).skip(1).collect();
    if !glued.is_empty() && !glued.starts_with(['.', '-', '_']) {
        return None;
    }
    let ignores = rest.starts_with("ignore") && glued.is_empty();
    let Some((end, between)) = parts.split_last() else {
        // `.mobsf`, `.dockleignore`; the tool's bare name is a program or a folder of it.
        return (hidden || is_glued).then_some(if ignores {
            ScannerFileKind::Patterns
        } else {
            ScannerFileKind::Text
        });
    };
    let known = |part: &&str| PARTS.contains(part) || ENDS.contains(part);
    if !between.iter().all(known) || !known(end) {
        return None;
    }
    // `trivy.json` and `spotbugs.xml` are what the tool writes; `sonar.ts` is code about it.
    let written = matches!(*end, "json" | "xml" | "txt" | "js" | "ts" | "cjs" | "mjs" | "cts")
        && !hidden
        && between.is_empty()
        && !is_glued;
    (!written).then_some(ScannerFileKind::Text)
}

const TRIVY_IGNORE: ScannerFileKind =
    ScannerFileKind::Tree(Yaml, &["vulnerabilities", "misconfigurations", "secrets", "licenses"]);
const GRYPE: ScannerFileKind = ScannerFileKind::Tree(Yaml, &["ignore", "exclude"]);
const CHECKOV: ScannerFileKind = ScannerFileKind::Tree(Yaml, &["skip-check", "skip-path", "skip-framework"]);
const GITGUARDIAN: ScannerFileKind = ScannerFileKind::Tree(
    Yaml,
    &[
        "secret.ignored_paths",
        "secret.ignored_matches",
        "secret.ignored_detectors",
        "secret.ignored-paths",
        "secret.ignored-matches",
        "secret.ignored-detectors",
    ],
);

/// Longest id or pattern that is repeated, in characters.
const SHOWN: usize = 80;
/// Exceptions of a file that are told one by one.
const TOLD: usize = 50;

impl ScannerFile {
    /// The scanner that reads a file of this path, if one does.
    pub fn from_path(path: &str) -> Option<Self> {
        let is = |end: &str| {
            path.strip_suffix(end).is_some_and(|folder| folder.is_empty() || folder.ends_with('/'))
        };
        if let Some((_, tool, kind)) = FILES.iter().find(|(end, ..)| is(end)) {
            return Some(Self { tool, kind: *kind });
        }
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        if let Some(kind) = by_name(name) {
            return Some(Self { tool: "a scanner of that name", kind });
        }
        if let Some((_, tool, kind)) = ENDINGS.iter().find(|(end, ..)| path.ends_with(end)) {
            return Some(Self { tool, kind: *kind });
        }
        let rules = folders.split('/').any(|part| part == ".semgrep");
        let yaml = [".yaml", ".yml"].iter().any(|end| path.ends_with(end));
        if rules {
            return yaml.then_some(Self { tool: "Semgrep", kind: ScannerFileKind::Tree(Yaml, &[]) });
        }
        let own = |part: &str| part.strip_prefix('.').is_some_and(|tool| TOOLS.contains(&tool));
        let named = FOLDERS.iter().any(|name| folders == *name || folders.ends_with(&format!("/{name}")));
        let settings = name.rsplit_once('.').is_some_and(|(_, end)| ENDS.contains(&end));
        (settings && (named || folders.split('/').any(own)))
            .then_some(Self { tool: "a scanner of that folder's name", kind: ScannerFileKind::Text })
    }

    /// A list that `.semgrepignore` includes.
    pub const fn included() -> Self {
        Self { tool: "Semgrep, whose .semgrepignore includes it", kind: ScannerFileKind::Patterns }
    }

    /// The paths that a `.semgrepignore` includes, as it writes them.
    pub fn includes(text: &[u8]) -> Vec<String> {
        let text = String::from_utf8_lossy(text);
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix(":include"));
        lines.filter(|rest| rest.starts_with([' ', '\t'])).map(|rest| rest.trim().to_owned()).collect()
    }

    /// Names that scanners look for at the top of a project.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FILES.iter().map(|(name, ..)| *name)
    }

    /// In what the file is softer than it was; `None` is a file that is not there.
    pub fn softened(self, before: Option<&[u8]>, after: Option<&[u8]>) -> Vec<Softened> {
        if before == after {
            return Vec::new();
        }
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        let (was, is) = (text(before), text(after));
        let reasons = self.kind == ScannerFileKind::Lines && self.tool == "Trivy";
        let sides = Sides { was: &was, is: &is, is_there: after.is_some(), reasons };
        let mut found = match self.kind {
            ScannerFileKind::Lines => sides.lines(),
            ScannerFileKind::Patterns => sides.patterns(before.is_some()),
            ScannerFileKind::Text => sides.text(),
            ScannerFileKind::Tree(syntax, exceptions) => self.trees(syntax, exceptions, &sides),
            ScannerFileKind::Part(syntax, keys) => sides.part(syntax, keys),
            ScannerFileKind::Words(words) => {
                let (was, is) = (lines_with(words, &was), lines_with(words, &is));
                Sides { was: &was, is: &is, ..sides }.text()
            }
            ScannerFileKind::Sections(names) => {
                let (was, is) = (lines_of_sections(names, &was), lines_of_sections(names, &is));
                Sides { was: &was, is: &is, ..sides }.text()
            }
        };
        if let Some(more) = found.len().checked_sub(TOLD).filter(|more| *more > 0) {
            let line = found.get(TOLD).and_then(|first| first.line);
            found.truncate(TOLD);
            found.push(Softened {
                line,
                before: "not there".to_owned(),
                after: format!("{more} exceptions more"),
            });
        }
        found
    }

    fn trees(self, syntax: Syntax, exceptions: &[&str], sides: &Sides<'_>) -> Vec<Softened> {
        let Some((mut was, mut is)) = syntax.parse_settings(sides.was).zip(syntax.parse_settings(sides.is))
        else {
            return sides.text();
        };
        let mut found = Vec::new();
        // When a file was written, and by which version, lets nothing through.
        if self.tool == "detect-secrets" {
            for tree in [&mut was, &mut is] {
                tree.remove("generated_at");
                tree.remove("version");
            }
        }
        for path in exceptions {
            let keys: Vec<&str> = path.split('.').collect();
            let mut known: BTreeMap<(String, String), u64> = BTreeMap::new();
            for (place, entry) in taken(&mut was, &keys) {
                *known.entry((place, entry.to_string())).or_default() += 1;
            }
            let mut more: BTreeMap<String, u64> = BTreeMap::new();
            for (place, entry) in taken(&mut is, &keys) {
                let label = self.label(&place, &entry);
                match known.get_mut(&(place, entry.to_string())) {
                    Some(left) if *left > 0 => *left -= 1,
                    Some(_) | None => *more.entry(label).or_default() += 1,
                }
            }
            for (label, count) in more {
                let times = if count > 1 { format!(" ({count} entries)") } else { String::new() };
                let line = sides.line_with(label.rsplit(' ').next().unwrap_or_default());
                found.push(Softened {
                    line,
                    before: "not there".to_owned(),
                    after: format!("{label}{times}"),
                });
            }
        }
        if was != is {
            found.extend(sides.text());
        }
        found
    }

    /// An entry of a list of exceptions: its id, or where it stands.
    fn label(self, place: &str, entry: &Value) -> String {
        let secret = matches!(self.tool, "gitleaks" | "detect-secrets" | "ggshield");
        let id = match entry {
            Value::String(text) => Some(text.as_str()),
            Value::Object(keys) => {
                ["id", "vulnerability", "name", "resource"].iter().find_map(|key| keys.get(*key)?.as_str())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
        };
        match id.filter(|_| !secret) {
            Some(id) => format!("{place} {}", short(id)),
            None => place.to_owned(),
        }
    }
}

impl Syntax {
    /// The file's tree; an empty file is an empty one.
    fn parse_settings(self, text: &str) -> Option<Map<String, Value>> {
        let said = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        if !text.lines().any(said) {
            return Some(Map::new());
        }
        let tree: Value = match self {
            Self::Json => serde_json::from_str(text).ok()?,
            Self::Yaml => crate::policy::foreign_tree(text)?,
            Self::Toml => toml::from_str(text).ok()?,
        };
        match tree {
            Value::Object(tree) => Some(tree),
            Value::Null => Some(Map::new()),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
        }
    }
}

/// The text with only the lines that hold one of these words; the others are blank, so that numbers of lines stay.
fn lines_with(words: &[&str], text: &str) -> String {
    kept_lines(text, |line| words.iter().any(|word| line.contains(word)))
}

/// The text with only the lines of sections whose headings hold one of these names.
fn lines_of_sections(names: &[&str], text: &str) -> String {
    let mut own = false;
    kept_lines(text, |line| {
        if line.starts_with('[') {
            own = names.iter().any(|name| line.contains(name));
        }
        own
    })
}

fn kept_lines(text: &str, mut keep: impl FnMut(&str) -> bool) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        if keep(&line.trim().to_ascii_lowercase()) {
            kept.push_str(line);
        }
        kept.push('\n');
    }
    kept
}

/// Takes a list of exceptions out of a tree: its entries, each with the keys that lead to it. What is no list stays.
fn taken(tree: &mut Map<String, Value>, keys: &[&str]) -> Vec<(String, Value)> {
    let Some((first, rest)) = keys.split_first() else { return Vec::new() };
    if *first == "*" {
        let names: Vec<String> = tree.keys().cloned().collect();
        return names.iter().flat_map(|name| taken(tree, &[&[name.as_str()], rest].concat())).collect();
    }
    if !rest.is_empty() {
        let Some(Value::Object(below)) = tree.get_mut(*first) else { return Vec::new() };
        let found = taken(below, rest);
        if below.is_empty() {
            tree.remove(*first);
        }
        let named = found.into_iter().map(|(place, entry)| (format!("{first}.{place}"), entry));
        return named.collect();
    }
    let entries = match tree.get(*first) {
        Some(Value::Array(list)) => list.clone(),
        Some(Value::String(one)) => {
            one.split(',').map(|part| Value::String(part.trim().to_owned())).collect()
        }
        Some(Value::Null) => Vec::new(),
        Some(Value::Object(_) | Value::Bool(_) | Value::Number(_)) | None => return Vec::new(),
    };
    tree.remove(*first);
    entries.into_iter().map(|entry| (short(first), entry)).collect()
}

/// Both sides of a file.
#[derive(Clone, Copy)]
struct Sides<'t> {
    was: &'t str,
    is: &'t str,
    is_there: bool,
    /// Behind ` #` stands why, and no more.
    reasons: bool,
}

impl Sides<'_> {
    /// Lines that say something, with their numbers.
    fn stated_lines<'l>(&self, text: &'l str) -> Vec<(u64, &'l str)> {
        let told =
            |line: &'l str| if self.reasons { line.split(" #").next().unwrap_or_default() } else { line };
        let lines = text.lines().map(|line| told(line).trim()).zip(1..);
        lines
            .filter(|(line, _)| !line.is_empty() && !line.starts_with('#'))
            .map(|(line, at)| (at, line))
            .collect()
    }

    /// Lines of the one that the other does not have, as often as there are more.
    fn more<'l>(of: &[(u64, &'l str)], than: &[(u64, &str)]) -> Vec<(u64, &'l str)> {
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, line) in than {
            *known.entry(line).or_default() += 1;
        }
        let mut more = Vec::new();
        for (at, line) in of {
            match known.get_mut(*line) {
                Some(left) if *left > 0 => *left -= 1,
                Some(_) | None => more.push((*at, *line)),
            }
        }
        more
    }

    /// The line after the change that holds this and was not there; else the first that was not there.
    fn line_with(&self, text: &str) -> Option<u64> {
        let more = Self::more(&self.stated_lines(self.is), &self.stated_lines(self.was));
        let with = more.iter().find(|(_, line)| !text.is_empty() && line.contains(text));
        with.or(more.first()).map(|(at, _)| *at).or(self.is_there.then_some(1))
    }

    /// Whether any of these keys says something else.
    fn part(&self, syntax: Syntax, keys: &[&str]) -> Vec<Softened> {
        let trees = syntax.parse_settings(self.was).zip(syntax.parse_settings(self.is));
        let Some((was, is)) = trees else {
            // What cannot be read may say anything, but only where it speaks of the scanner at all.
            let last = |key: &&str| key.rsplit('.').next().unwrap_or_default().to_owned();
            let speaks = |text: &str| keys.iter().any(|key| text.contains(&last(key)));
            return if speaks(self.was) || speaks(self.is) { self.text() } else { Vec::new() };
        };
        let at = |tree: &Map<String, Value>, key: &str| {
            let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
            let found = tree.get(first)?;
            match rest {
                Some(rest) => found.get(rest).cloned(),
                None => Some(found.clone()),
            }
        };
        let others = keys.iter().filter(|key| at(&was, key) != at(&is, key));
        let one = |key: &&str| Softened {
            line: self.line_with(key.rsplit('.').next().unwrap_or_default()),
            before: format!("`{key}` as it was"),
            after: format!("`{key}` is another"),
        };
        others.map(one).collect()
    }

    fn lines(&self) -> Vec<Softened> {
        let more = Self::more(&self.stated_lines(self.is), &self.stated_lines(self.was));
        let one = |(at, line): (u64, &str)| Softened {
            line: Some(at),
            before: "not there".to_owned(),
            after: short(line),
        };
        more.into_iter().map(one).collect()
    }

    fn patterns(&self, was_there: bool) -> Vec<Softened> {
        let (was, is) = (self.stated_lines(self.was), self.stated_lines(self.is));
        let back = |line: &str| line.starts_with('!');
        let mut found: Vec<Softened> = self.lines();
        found.retain(|softened| !back(&softened.after));
        let first = self.is_there.then_some(1);
        for (_, line) in Self::more(&was, &is).into_iter().filter(|(_, line)| back(line)) {
            found.push(Softened { line: first, before: short(line), after: "gone".to_owned() });
        }
        // With exceptions to exceptions the last that fits decides.
        let kept = |of: &[(u64, &str)], than: &[(u64, &str)]| {
            let other: Vec<String> = than.iter().map(|(_, line)| (*line).to_owned()).collect();
            let kept = of.iter().filter(|(_, line)| other.iter().any(|known| known == line));
            kept.map(|(_, line)| (*line).to_owned()).collect::<Vec<_>>()
        };
        if is.iter().any(|(_, line)| back(line)) && kept(&is, &was) != kept(&was, &is) {
            let (before, after) =
                ("in its order".to_owned(), "in another order, and the last that fits decides".to_owned());
            found.push(Softened { line: first, before, after });
        }
        if was_there && !self.is_there {
            let after = "gone, so that Semgrep's own list of folders to leave out holds again".to_owned();
            found.push(Softened { line: None, before: "there".to_owned(), after });
        }
        found
    }

    /// That settings are others, whatever they say.
    fn text(&self) -> Vec<Softened> {
        let (was, is) = (self.stated_lines(self.was), self.stated_lines(self.is));
        let (come, gone) = (Self::more(&is, &was), Self::more(&was, &is));
        if come.is_empty() && gone.is_empty() {
            return Vec::new();
        }
        let before = if was.is_empty() { "not there" } else { "as it was" };
        let after = if self.is_there {
            format!("other settings: {} lines come, {} go", come.len(), gone.len())
        } else {
            "gone, and with it what it demanded".to_owned()
        };
        let line = come.first().map(|(at, _)| *at).or(self.is_there.then_some(1));
        vec![Softened { line, before: before.to_owned(), after }]
    }
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scanner_s_files_are_known_by_its_name() {
        for name in [
            ".npmrc",
            ".golangci.yml",
            ".hadolint.yaml",
            ".kube-linter.yaml",
            ".cfnlintrc",
            ".dockleignore",
            ".mobsf",
            "bearer.yml",
            "bearer.ignore",
            ".eslintrc.json",
            "eslint.config.mjs",
            ".eslintignore",
            ".rubocop_todo.yml",
            "psalm-baseline.xml",
            "phpstan.neon.dist",
            ".tflint.hcl",
            ".talismanrc",
            ".secretlintrc.json",
            "spotbugs-exclude.xml",
            ".terrascan.toml",
            "dependency-check-suppressions.xml",
            ".snyk",
            ".golangci.toml",
            "a/b/.xeol.yaml",
            ".safety-policy.yml",
            "deny.toml",
            ".nuclei-ignore",
            ".sobelow-skips",
            "pyproject.toml",
            ".ruff.toml",
            ".checkov/config.yaml",
            ".trivy/ignore.rego",
            ".tfsec/custom.json",
            ".github/codeql/config.yml",
            "src/app.csproj",
            "Directory.Build.props",
            ".shellcheckrc",
        ] {
            assert!(ScannerFile::from_path(name).is_some(), "{name}");
        }
        for name in [
            "trivy.json",
            "spotbugs.xml",
            "semgrep.sarif",
            "bandit.txt",
            "safety.py",
            "wizard.yml",
            "zap-report.json",
            "src/sonar.ts",
            "src/zap.js",
            ".github/codeql.yml.md",
            ".semgrep/test.py",
            "main.rs",
        ] {
            assert!(ScannerFile::from_path(name).is_none(), "{name}");
        }
    }

    #[test]
    fn of_a_file_of_many_only_the_scanner_s_keys_count() {
        let of = |was: &str, is: &str| {
            let file = ScannerFile::from_path("pyproject.toml").unwrap();
            file.softened(Some(was.as_bytes()), Some(is.as_bytes())).len()
        };
        assert_eq!(of("[project]\nname = 'a'\n", "[project]\nname = 'b'\n"), 0);
        assert_eq!(of("[tool.bandit]\nskips = []\n", "[tool.bandit]\nskips = ['B1']\n"), 1);
        assert_eq!(of("[tool.bandit]\nskips = []\n", "[tool.bandit\n"), 1);
        assert_eq!(of("[project]\n", "[project\n"), 0);
    }

    #[test]
    fn of_a_build_s_files_only_what_a_scanner_reads_counts() {
        for (path, was, other, soft) in [
            ("setup.cfg", "[metadata]\nname = a\n", "[metadata]\nname = b\n", "[bandit]\nskips = B101\n"),
            ("tox.ini", "[tox]\n", "[tox]\nenvlist = a\n", "[tox]\n[flake8]\nignore = S\n"),
            ("pom.xml", "<a/>\n", "<b/>\n", "<sonar.exclusions>**</sonar.exclusions>\n"),
            ("a.csproj", "<a/>\n", "<b/>\n", "<NuGetAuditSuppress Include=\"x\"/>\n"),
            (
                ".editorconfig",
                "[*]\n",
                "[*]\nindent_size = 2\n",
                "dotnet_diagnostic.CA3001.severity = none\n",
            ),
            (".gitlab-ci.yml", "a: 1\n", "b: 1\n", "variables: {SAST_EXCLUDED_PATHS: src}\n"),
            ("composer.json", "{}", "{\"name\":\"a\"}", "{\"config\":{\"audit\":{\"ignore\":[\"CVE-1\"]}}}"),
        ] {
            assert_eq!(told(path, was, other), [], "{path}");
            assert_eq!(told(path, was, soft).len(), 1, "{path}");
            assert_eq!(told(path, soft, was).len(), 1, "{path}");
        }
    }

    fn told(path: &str, before: &str, after: &str) -> Vec<(Option<u64>, String)> {
        let side = |text: &str| (!text.is_empty()).then(|| text.as_bytes().to_vec());
        let file = ScannerFile::from_path(path).unwrap();
        let found = file.softened(side(before).as_deref(), side(after).as_deref());
        found.into_iter().map(|one| (one.line, format!("{} → {}", one.before, one.after))).collect()
    }

    #[test]
    fn files_are_known_by_their_names_wherever_they_lie() {
        for (path, tool) in [
            (".trivyignore", Some("Trivy")),
            ("services/api/.trivyignore", Some("Trivy")),
            ("my.trivyignore", None),
            (".grype/config.yaml", Some("Grype")),
            ("config.yaml", None),
            ("a/.semgrep/rules/x.yml", Some("Semgrep")),
            ("a/.semgrep/rules/x.py", None),
            ("osv-scanner.toml", Some("OSV-Scanner")),
            ("config/brakeman.ignore", Some("Brakeman")),
        ] {
            assert_eq!(ScannerFile::from_path(path).map(|file| file.tool), tool, "{path}");
        }
    }

    #[test]
    fn an_exception_more_is_told_and_one_less_is_not() {
        let cases = [
            (".trivyignore", "CVE-1\n", "# why\nCVE-1 # because\nCVE-2\n", 3, "not there → CVE-2"),
            (".gitleaksignore", "a:b:1\n", "a:b:1\na:b:1\n", 2, "not there → a:b:1"),
            (".trivyignore", "CVE-1 exp:2026-01-01\n", "CVE-1\n", 1, "not there → CVE-1"),
            (
                ".trivyignore.yaml",
                "vulnerabilities:\n  - id: CVE-1\n",
                "vulnerabilities:\n  - id: CVE-1\n  - id: CVE-2\n",
                3,
                "not there → vulnerabilities CVE-2",
            ),
            (
                "osv-scanner.toml",
                "[[IgnoredVulns]]\nid = \"A\"\n",
                "[[IgnoredVulns]]\nid = \"A\"\n[[IgnoredVulns]]\nid = \"B\"\n",
                4,
                "not there → IgnoredVulns B",
            ),
            (
                ".grype.yaml",
                "ignore:\n  - vulnerability: CVE-1\n",
                "ignore:\n  - vulnerability: CVE-1\n    package: {name: a}\n  - vulnerability: CVE-1\n",
                4,
                "not there → ignore CVE-1",
            ),
            (
                ".checkov.yaml",
                "skip-check: CKV_1\n",
                "skip-check: CKV_1,CKV_2\n",
                1,
                "not there → skip-check CKV_2",
            ),
        ];
        for (path, before, after, line, says) in cases {
            let found = told(path, before, after);
            assert_eq!(found, [(Some(line), says.to_owned())], "{path}");
            let back = told(path, after, before);
            // What is narrowed the other way round is an exception that was not there, too.
            assert_eq!(back.is_empty(), !before.contains("exp:"), "{path}: {back:?}");
            assert_eq!(told(path, before, ""), [], "{path} is gone");
        }
    }

    #[test]
    fn a_list_of_secrets_is_counted_and_not_repeated() {
        let with = |entries: &str| {
            format!(
                "{{\"version\":\"1\",\"plugins_used\":[{{\"name\":\"A\"}}],\"results\":{{\"a.py\":[{entries}]}},\"generated_at\":\"{}\"}}",
                entries.len()
            )
        };
        let one = "{\"hashed_secret\":\"0a0a\",\"line_number\":1}";
        let found = told(".secrets.baseline", &with(""), &with(&format!("{one},{one}")));
        assert_eq!(found, [(Some(1), "not there → results.a.py (2 entries)".to_owned())]);
        assert_eq!(told(".secrets.baseline", &with(one), &with("")), []);
        let fewer = told(".secrets.baseline", &with(one), &with(one).replace("{\"name\":\"A\"}", ""));
        assert_eq!(fewer.len(), 1, "{fewer:?}");
        let found = told(".gitleaks.toml", "", "[[allowlists]]\nstopwords = [\"hunter2\"]\n");
        assert_eq!(found, [(Some(1), "not there → allowlists".to_owned())]);
    }

    #[test]
    fn settings_that_are_no_exceptions_are_told_both_ways() {
        for (path, text, other) in [
            ("trivy.yaml", "severity: [HIGH]\n", "severity: [CRITICAL]\n"),
            (".bandit", "[bandit]\n", "[bandit]\nskips: B101\n"),
            ("sonar-project.properties", "sonar.sources=src\n", "sonar.sources=src\nsonar.exclusions=**\n"),
            (".semgrep/rules.yml", "rules: [{id: a}, {id: b}]\n", "rules: [{id: a}]\n"),
            (".gitleaks.toml", "[extend]\nuseDefault = true\n", "[extend]\nuseDefault = false\n"),
            ("trivy.yaml", "severity: [HIGH]\n", "severity: [\n"),
        ] {
            assert_eq!(told(path, text, other).len(), 1, "{path}");
            assert_eq!(told(path, other, text).len(), 1, "{path}");
            assert_eq!(told(path, "", other).len(), 1, "{path}");
            assert_eq!(told(path, text, "").len(), 1, "{path}");
            assert_eq!(told(path, text, &format!("# why\n\n{text}")), [], "{path}");
        }
    }

    #[test]
    fn patterns_may_be_taken_back() {
        let file = ".semgrepignore";
        assert_eq!(told(file, "a/\n", "a/\n!a/b\n"), []);
        assert_eq!(told(file, "a/\n!a/b\n", "a/\n"), [(Some(1), "!a/b → gone".to_owned())]);
        assert_eq!(told(file, "a/\n!a/b\n", "!a/b\na/\n").len(), 1);
        assert_eq!(told(file, "a/\nb/\n", "b/\n"), []);
        assert_eq!(told(file, "a/\n", "a/\n*\n"), [(Some(2), "not there → *".to_owned())]);
        assert!(told(file, "a/\n", "")[0].1.contains("own list"));
    }
}
