//! Names of scanners' own files, and which of their keys, lines or sections are lists of exceptions.

use super::ScannerFileKind;
use super::Syntax::{Json, Toml, Yaml};

/// Names of files, or the ends of their paths, with their scanner: from its documentation. The paths of a tree are the
/// keys that lead to a list of exceptions, where `*` is any key.
pub(super) const FILES: &[(&str, &str, ScannerFileKind)] = &[
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
    ("audit-ci.json", "audit-ci", ScannerFileKind::Tree(Json, &["allowlist"])),
    ("psalm.xml", "Psalm", ScannerFileKind::Text),
    ("phpcs.xml", "PHP_CodeSniffer", ScannerFileKind::Text),
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
pub(super) const ENDINGS: &[(&str, &str, ScannerFileKind)] = &[
    (".csproj", "NuGet's audit or .NET analyzers", DOTNET_WORDS),
    (".fsproj", "NuGet's audit or .NET analyzers", DOTNET_WORDS),
    (".vbproj", "NuGet's audit or .NET analyzers", DOTNET_WORDS),
    (".props", "NuGet's audit or .NET analyzers", DOTNET_WORDS),
    (".targets", "NuGet's audit or .NET analyzers", DOTNET_WORDS),
];

pub(super) const PYTHON_SECTIONS: ScannerFileKind = ScannerFileKind::Sections(&["bandit", "flake8"]);
pub(super) const BUILD_WORDS: ScannerFileKind = ScannerFileKind::Words(&[
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
pub(super) const DOTNET_WORDS: ScannerFileKind = ScannerFileKind::Words(&[
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
pub(super) const GITLAB_WORDS: ScannerFileKind = ScannerFileKind::Words(&[
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
pub(super) const FOLDERS: &[&str] = &[".vex", ".openvex", ".github/codeql"];

/// Scanners whose files hold their name: `.semgrepignore`, `.bearer.yml`, `.eslintrc`, `spotbugs-baseline.xml` and the like.
pub(super) const TOOLS: &[&str] = &[
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

/// Parts that such a name may go on with, in parts that `.`, `-` or `_` separate.
pub(super) const PARTS: &[&str] = &[
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

/// Endings of such a name.
pub(super) const ENDS: &[&str] = &[
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
pub(super) fn by_name(name: &str) -> Option<ScannerFileKind> {
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

pub(super) const TRIVY_IGNORE: ScannerFileKind =
    ScannerFileKind::Tree(Yaml, &["vulnerabilities", "misconfigurations", "secrets", "licenses"]);
pub(super) const GRYPE: ScannerFileKind = ScannerFileKind::Tree(Yaml, &["ignore", "exclude"]);
pub(super) const CHECKOV: ScannerFileKind =
    ScannerFileKind::Tree(Yaml, &["skip-check", "skip-path", "skip-framework"]);
pub(super) const GITGUARDIAN: ScannerFileKind = ScannerFileKind::Tree(
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
