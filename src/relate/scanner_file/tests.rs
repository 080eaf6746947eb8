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
        "audit-ci.json",
        "audit-ci.jsonc",
        ".nsprc",
        "psalm.xml",
        "phpcs.xml",
        "phpcs.xml.dist",
        "detekt.yml",
        "detekt-baseline.xml",
        ".brakeman.ignore",
        "config/brakeman.yml",
        ".kics.yml",
        ".tfsec.yml",
        "gitleaks.toml",
        ".zap/rules.tsv",
        ".retireignore.json",
        "findbugs-exclude.xml",
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
        ".pylintrc",
        "gosec.json",
        "a/strict.ruleset",
        "a/b.globalconfig",
        "qodana.yaml",
        ".phan/config.php",
        "yarn-audit-known-issues",
        "eslint.config.mts",
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
        (".editorconfig", "[*]\n", "[*]\nindent_size = 2\n", "dotnet_diagnostic.CA3001.severity = none\n"),
        (".gitlab-ci.yml", "a: 1\n", "b: 1\n", "variables: {SAST_EXCLUDED_PATHS: src}\n"),
        ("gradle.properties", "a=1\n", "a=2\n", "systemProp.sonar.exclusions=**\n"),
        (".gitattributes", "* text\n", "*.png binary\n*.sh eol=lf\n", "*.py -diff\n"),
        (".gitattributes", "* text\n", "*.jpg binary\n", "*.py binary\n"),
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
