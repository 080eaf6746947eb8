use super::*;

fn one(text: &str) -> ScriptThreshold {
    let script = read_script(text);
    assert_eq!(script.left, [], "{script:?}");
    assert_eq!(script.conditions.len(), 1, "{script:?}");
    script.conditions.into_iter().next().unwrap()
}

/// Line, id, file, category, severity, allow.
fn told(condition: &ScriptThreshold) -> (u64, &str, &str, Category, Option<Severity>, u64) {
    (condition.line, &condition.id, &condition.file, condition.category, condition.severity, condition.allow)
}

const LEGACY: &str = r#"#!/usr/bin/env bash
set -euo pipefail
# Turn counts into a decision.
errors=$(jq '[.results[]? | select(.extra.severity == "ERROR")] | length' semgrep.json)
image=$(jq '[.Results[]?.Vulnerabilities[]? | select(.Severity == "CRITICAL")] | length' trivy-image.json)
secrets_found=$(jq '[.findings[]?] | length' secrets.json)
if [ "$secrets_found" -gt 0 ]; then
echo "[FAIL] secrets detected"
exit 1
fi
if [ "$errors" -gt 0 ]; then
  echo "[FAIL] errors"
  exit 1
fi
if [ "$image" -gt 3 ]; then
  echo "[FAIL] image"
  exit 1
fi
echo "[PASS] fine"
"#;

#[test]
fn three_counts() {
    let script = read_script(LEGACY);
    assert_eq!(script.left, []);
    let told: Vec<_> = script.conditions.iter().map(told).collect();
    assert_eq!(
        told,
        [
            (7, "secrets-found", "secrets.json", Category::Secret, None, 0),
            (11, "errors", "semgrep.json", Category::Sast, Some(Severity::High), 0),
            (15, "image", "trivy-image.json", Category::Vulnerability, Some(Severity::Critical), 3),
        ]
    );
    assert_eq!(script.conditions[0].title, "secrets detected");
    assert!(script.conditions[2].image);
}

#[test]
fn ways_to_compare() {
    let count = "n=$(jq '[.results[] | select(.extra.severity==\"ERROR\")] | length' semgrep.json)\n";
    for (text, allow) in [
        ("if [[ $n -ge 5 ]]; then exit 1; fi", 4),
        ("if (( n > 2 )); then\n exit 1\nfi", 2),
        ("if test \"$n\" -ne 0\nthen exit 1\nfi", 0),
        ("[ \"${n}\" -gt 0 ] && exit 1", 0),
        ("[ \"$n\" -gt 1 ] && { echo \"[FAIL] many\"; exit 1; }", 1),
        ("[ \"$n\" -eq 0 ] || { echo many\n exit 1\n}", 0),
        ("if [ $n -eq 0 ]; then echo fine; else exit 1; fi", 0),
        ("MAX=7\nif [ \"$n\" -gt \"$MAX\" ]; then FAILED=1; fi\nexit $FAILED", 7),
        ("MAX=\"${MAX:-9}\"\nif [ \"$MAX\" -lt \"$n\" ]; then exit 1; fi", 9),
        ("fail() { echo \"$1\"; exit 1; }\n[ \"$n\" -gt 0 ] && fail \"too many\"", 0),
        ("if [ -f semgrep.json ] && [ \"$n\" -gt 0 ]; then exit 1; fi", 0),
        ("if [ -f semgrep.json ]; then\n  if [ \"$n\" -gt 0 ]; then\n    exit 1\n  fi\nfi", 0),
    ] {
        let condition = one(&format!("{count}{text}\n"));
        assert_eq!((condition.allow, condition.then), (allow, Action::Fail), "{text}");
        assert_eq!(condition.severity, Some(Severity::High));
    }
    for text in [
        "DIR=reports\nREPORT=\"${REPORT:-semgrep.json}\"\nn=$(jq '[.results[] | select(.extra.severity==\"ERROR\")] | length' \"$DIR/${REPORT}\")\n[ $n -gt 0 ] && exit 1",
        "DIR=reports\nif [ -f $DIR/semgrep.json ]; then\n  n=$(jq '[.results[] | select(.extra.severity==\"ERROR\")] | length' $DIR/semgrep.json)\nelse\n  n=0\nfi\n[ $n -gt 0 ] && exit 1",
    ] {
        assert_eq!(one(text).file, "reports/semgrep.json", "{text}");
    }
    let condition = one("if [ \"$(jq length gitleaks.json)\" -gt 0 ]; then echo 'ERROR: leaks'; exit 1; fi");
    assert_eq!((condition.title.as_str(), condition.category), ("leaks", Category::Secret));
    let condition = one(&format!("{count}if [ $n -gt 0 ]; then echo \"[WARN] some\"; fi"));
    assert_eq!(condition.then, Action::Warn);
    let script = read_script(&format!(
        "{count}m=$(cat gitleaks.json | jq '. | length')\nif [ $n -gt 0 ] || [ $m -gt 0 ]; then exit 1\nelif [ $m -gt 9 ]; then exit 2; fi"
    ));
    assert_eq!((script.conditions.len(), script.left), (3, vec![]));
}

#[test]
fn ways_to_count() {
    for (count, file, category, severity) in [
        (
            "jq '[.Results[].Vulnerabilities[]? | select(.Severity==\"HIGH\" or .Severity==\"CRITICAL\")] | length' a/trivy-fs.json",
            "a/trivy-fs.json",
            Category::Vulnerability,
            Some(Severity::High),
        ),
        (
            "jq -r '[.Results[]? | .Vulnerabilities[]? | select(.Severity | IN(\"HIGH\",\"CRITICAL\"))] | length' < trivy.json",
            "trivy.json",
            Category::Vulnerability,
            Some(Severity::High),
        ),
        (
            "jq '[.matches[] | select(.vulnerability.severity | test(\"High|Critical\"))] | length' grype.json",
            "grype.json",
            Category::Vulnerability,
            Some(Severity::High),
        ),
        (
            "jq '[.runs[].results[] | select(.level == \"error\")] | length' codeql.sarif",
            "codeql.sarif",
            Category::Sast,
            Some(Severity::High),
        ),
        (
            "jq '.metadata.vulnerabilities.critical' npm-audit.json",
            "npm-audit.json",
            Category::Vulnerability,
            Some(Severity::Critical),
        ),
        (
            "jq '.results | map(select(.issue_severity == \"HIGH\")) | length' bandit.json",
            "bandit.json",
            Category::Sast,
            Some(Severity::High),
        ),
        (
            "jq '[.vulnerabilities[] | select(.severity == \"Critical\")] | length' gl-sast-report.json",
            "gl-sast-report.json",
            Category::Sast,
            Some(Severity::Critical),
        ),
        ("jq '.results[].check_id' semgrep.json | wc -l", "semgrep.json", Category::Sast, None),
        ("jq '.results[].path' semgrep.json | wc -l", "", Category::Sast, None),
        (
            "jq '[.results | to_entries[]? | .value[]?] | length' secrets.json",
            "secrets.json",
            Category::Secret,
            None,
        ),
        ("jq '.results | map_values(length) | add' secrets.json", "secrets.json", Category::Secret, None),
        ("grep -c '\"VulnerabilityID\"' trivy.json", "trivy.json", Category::Vulnerability, None),
        ("grep -vc ERROR semgrep.json", "", Category::Sast, None),
        (
            "jq '.results[] | select(.extra.severity == \"ERROR\") | .check_id' semgrep.json | wc -l",
            "semgrep.json",
            Category::Sast,
            Some(Severity::High),
        ),
        (
            "grep -c '\"severity\": \"ERROR\"' semgrep.json",
            "semgrep.json",
            Category::Sast,
            Some(Severity::High),
        ),
    ] {
        let text = format!("x=$({count})\n[ \"$x\" -gt 0 ] && exit 1\n");
        let script = read_script(&text);
        if file.is_empty() {
            assert!(script.conditions.is_empty() && !script.left.is_empty(), "{text}: {script:?}");
        } else {
            let condition = one(&text);
            assert_eq!(
                (condition.file.as_str(), condition.category, condition.severity),
                (file, category, severity),
                "{text}"
            );
        }
    }
    let fixed = one(
        "x=$(jq '[.Results[].Vulnerabilities[] | select(.Severity == \"CRITICAL\" and .FixedVersion != null)] | length' t-image.json)\nif [ $x -gt 0 ]; then exit 1; fi",
    );
    assert!(fixed.fix && fixed.severity == Some(Severity::Critical));
    let some = one(
        "x=$(jq '[.results[]|select(.extra.severity==\"WARNING\")]|length' semgrep.json 2>/dev/null || echo 0)\nif [ $x -gt 0 ]; then exit 1; fi",
    );
    assert_eq!(some.severity, Some(Severity::Medium));
    assert_eq!(some.notes.len(), 2, "{:?}", some.notes);
}

#[test]
fn a_question_by_exit_code_is_a_threshold() {
    for (text, allow) in [
        (
            "if jq -e '[.results[] | select(.extra.severity==\"ERROR\")] | length > 3' semgrep.json >/dev/null; then exit 1; fi",
            3,
        ),
        (
            "jq -e '.results | map(select(.extra.severity == \"ERROR\")) | length == 0' semgrep.json || exit 1",
            0,
        ),
        (
            "if ! jq -e '([.results[] | select(.extra.severity==\"ERROR\")] | length) <= 2' semgrep.json > /dev/null; then exit 1; fi",
            2,
        ),
        ("jq -e '.results[] | select(.extra.severity==\"ERROR\")' semgrep.json && exit 1", 0),
        (
            "set -e\njq -e '[.results[] | select(.extra.severity==\"ERROR\")] | length == 0' semgrep.json\necho fine",
            0,
        ),
        ("if grep -q '\"severity\": \"ERROR\"' semgrep.json; then exit 1; fi", 0),
        ("set -euo pipefail\nn=$(grep -c ERROR semgrep.json)\n[ \"$n\" -eq 0 ]\necho fine", 0),
    ] {
        let condition = one(text);
        assert_eq!((condition.allow, condition.severity), (allow, Some(Severity::High)), "{text}");
    }
}

#[test]
fn a_flag_is_looked_at_where_it_is_raised() {
    let count = "n=$(jq '[.results[] | select(.extra.severity==\"ERROR\")] | length' semgrep.json)\n";
    for text in [
        "ok=yes\nif [ $n -gt 0 ]; then ok=no; fi\n[ \"$ok\" = yes ] || exit 1",
        "bad=0\nif [ $n -gt 0 ]; then bad=$((bad + 1)); fi\nif [ $bad -gt 0 ]; then exit 1; fi",
        "bad=0\nraise() {\n  echo \"$1\"\n  bad=1\n}\n[ $n -gt 0 ] && raise many\nexit $bad",
        "if [ $n -gt 0 ]; then FAILED=1; fi\nexit ${FAILED:-0}",
        "command -v jq >/dev/null || { echo 'no jq'; exit 2; }\n[ -f semgrep.json ] || exit 2\n[ $n -gt 0 ] && exit 1\nexit 0",
    ] {
        assert_eq!(one(&format!("{count}{text}\n")).allow, 0, "{text}");
    }
    let printed = read_script("a=$(jq length gitleaks.json)\necho $a\n");
    assert_eq!((printed.left.len(), printed.undecided.len()), (0, 1), "{printed:?}");
}

#[test]
fn nothing_that_ends_a_script_is_lost() {
    for (text, line) in [
        ("case $x in\n  0) ;;\n  *) exit 1;;\nesac\n", 3),
        ("set -e\npython3 -c 'import json; assert not json.load(open(\"semgrep.json\"))[\"results\"]'\n", 2),
        ("set -e\n./ci/more_checks.sh\n", 2),
        ("if [ -f semgrep.json ]; then\n  python3 check.py || exit 1\nfi\n", 2),
        ("[ -f SECURITY.md ] || exit 1\n", 1),
        ("n=$(./score)\nexit $n\n", 2),
        ("gitleaks detect --report-path leaks.json\n", 1),
        ("npm audit --audit-level=high\n", 1),
        (
            "for f in *.sarif; do\n  n=$(jq '.runs[].results | length' $f)\n  [ $n -gt 0 ] && exit 1\ndone\n",
            3,
        ),
        ("too_many() {\n  if [ \"$1\" -gt \"$2\" ]; then exit 1; fi\n}\ntoo_many 3 4\n", 2),
        ("set -e\nif [ \"$CI\" = true ]; then\n  [ \"$(jq length gitleaks.json)\" -eq 0 ]\nfi\n", 3),
        ("jq -e '[.results[] | select(.path)]' semgrep.json || exit 1\n", 1),
        ("test -z \"$(jq -r '.results[].path' semgrep.json)\" || exit 1\n", 1),
        ("exit $?\n", 1),
        ("node -e 'process.exit(1)'\n", 1),
    ] {
        let script = read_script(text);
        assert!(script.left.iter().any(|(at, _)| *at == line), "{text}{script:?}");
        assert_eq!(script.conditions, [], "{text}");
    }
}

#[test]
fn what_is_not_understood_is_said_with_its_line() {
    for (text, line, says) in [
        (
            "\nx=$(jq '[.Results[].Vulnerabilities[] | select(.CVSS.nvd.V3Score >= 7)] | length' t.json)\nif [ $x -gt 0 ]; then exit 1; fi\n",
            3,
            "CVSS",
        ),
        (
            "a=$(jq length gitleaks.json)\nb=$(jq length leaks.json)\ntotal=$((a + b))\nif [ $total -gt 3 ]; then exit 1; fi\n",
            4,
            "sum",
        ),
        ("trivy image --exit-code 1 --severity CRITICAL app\n", 1, "by its own exit code"),
        ("if ! grep -q passed sonar.txt; then exit 1; fi\n", 1, "grep -q"),
        (
            "a=$(jq length gitleaks.json)\nif [ $a -gt 0 ] && [ \"$CI\" = true ]; then exit 1; fi\n",
            2,
            "together",
        ),
        (
            "a=$(jq length gitleaks.json)\nif [ \"$BRANCH\" = main ]; then\n  if [ $a -gt 0 ]; then\n    exit 1\n  fi\nfi\n",
            3,
            "counts only under",
        ),
        ("a=$(jq length \"$REPORT\")\nif [ $a -gt 0 ]; then exit 1; fi\n", 2, "$REPORT"),
        (
            "x=$(jq '[.results[] | select(.extra.severity != \"INFO\")] | length' semgrep.json)\nif [ $x -gt 0 ]; then exit 1; fi\n",
            2,
            "!=",
        ),
        (
            "a=$(jq length gitleaks.json)\nMAX=0\nif [ \"$B\" = dev ]; then MAX=9; fi\nif [ $a -gt $MAX ]; then exit 1; fi\n",
            4,
            "neither side",
        ),
        (
            "if [ \"$B\" = dev ]; then a=$(jq length gitleaks.json); else a=$(jq length leaks.json); fi\nif [ $a -gt 0 ]; then exit 1; fi\n",
            2,
            "several ways",
        ),
        ("score=$(./score.py)\nif [ $score -lt 80 ]; then exit 1; fi\n", 2, "score"),
    ] {
        let script = read_script(text);
        assert!(script.left.iter().any(|(at, what)| *at == line && what.contains(says)), "{text}{script:?}");
        assert_eq!(script.conditions, [], "{text}");
    }
    // Anything at all is read to its end.
    for text in ["if", "fi fi ' \" $( {", "x=$(jq", "else\nelif x\n", "\\", "[ ] && { }", "))", "if [ a -gt"]
    {
        let _ = read_script(text);
    }
}
