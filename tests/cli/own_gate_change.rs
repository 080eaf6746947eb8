//! A change that loosens its own gate, as git or a diff shows it: policy, waivers, baseline, and what makes scanners
//! look away.

use serde_json::Value;

use crate::common::{Dir, NOW, Run, WAIVED_CODE, semgrep};

const POLICY: &str = "\
version: 1
gate: merge
base: {from: [diff, baseline], without: review}
evidence:
  sast: {category: sast, files: [semgrep.json]}
waivers: {files: [.secgate/waivers.yaml], max_duration: 90d}
people: {appsec: [\"@ann\", \"@bob\"]}
reviewers: {any_of: [\"role:appsec\"], at_least: 1, not: [author]}
rules:
  - {id: sast-high, findings: {category: sast, severity: high}, then: fail}
";

const WAIVERS: &str = "\
version: 1
waivers:
  - {id: W-1, rule: merge/sast-high, match: {rule_id: rule-0, path: src/a0.py, content: 338b0c861f359a1a}, reason: why, owner: \"@dev\",
     approved_by: \"@ann\", compensating_controls: [tests], created: 2026-05-01, expires: 2026-06-30,
     review_trigger: [severity_raised], seen: {severity: high}}
";

/// A repository whose main branch has these files, on a branch of its own; reports are no part of it.
fn repository(files: &[(&str, &str)]) -> Dir {
    let files = [&[("src/a0.py", WAIVED_CODE)], files].concat();
    let dir = Dir::repository("semgrep.json\nchange.diff\n*.tar\n", &files);
    dir.write("semgrep.json", semgrep(&[]));
    dir
}

fn check(dir: &Dir, args: &[&str]) -> Run {
    dir.check(&[&["--format", "json", "--no-env"], args].concat())
}

/// The clauses: `clause: before → after @ after_at < before_at`, with the base commit as `BASE`.
fn clauses(dir: &Dir, args: &[&str]) -> (i32, Vec<String>) {
    let run = check(dir, args);
    let base = dir.git(&["rev-parse", "main"]).trim()[..12].to_owned();
    let json = run.json();
    let place = |place: &Value| match place {
        Value::Null => "-".to_owned(),
        place => format!("{}:{}", place["file"].as_str().unwrap(), place["line"]).replace(&base, "BASE"),
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = json["loosened"]["clauses"].as_array().unwrap_or_else(|| panic!("{run:?}"));
    let told = list.iter().map(|c| {
        format!(
            "{}: {} → {} @ {} < {}",
            text(&c["clause"]),
            text(&c["before"]),
            text(&c["after"]),
            place(&c["after_at"]),
            place(&c["before_at"])
        )
    });
    (run.code, told.collect())
}

/// The same with the diff in a file.
fn by_diff(dir: &Dir, args: &[&str]) -> (i32, Vec<String>) {
    dir.write("change.diff", dir.git(&["diff", "main...HEAD"]));
    clauses(dir, &[&["--diff", "change.diff"], args].concat())
}

const BY_GIT: [&str; 2] = ["--diff-base", "main"];

#[test]
fn the_policy_is_compared_with_that_of_the_commit_where_the_branches_went_apart() {
    let dir = repository(&[(".secgate/merge.yaml", POLICY), ("src/a.py", "a\n")]);
    dir.write("src/a.py", "b\n");
    dir.commit();
    assert_eq!(clauses(&dir, &BY_GIT), (0, Vec::new()));
    let text = dir.check(&["--no-env", "--diff-base", "main"]).stdout;
    assert!(text.contains("the gate is as strict as it was before this change"), "{text}");
    dir.write(
        ".secgate/merge.yaml",
        POLICY
            .replace("gate: merge\n", "gate: merge\nenforcement: advisory\n")
            .replace("severity: high}", "severity: critical}"),
    );
    dir.write(".trivyignore", "CVE-2026-1\n");
    let looser = [
        "`enforcement`: blocking → advisory @ .secgate/merge.yaml:3 < BASE:.secgate/merge.yaml:1",
        "rule `sast-high`: `findings.severity`: high → critical @ .secgate/merge.yaml:11 < BASE:.secgate/merge.yaml:10",
        "`.trivyignore` of Trivy: not there → CVE-2026-1 @ .trivyignore:1 < -",
    ];
    // In the working tree, and committed. The gate decides by the force that it had.
    assert_eq!(clauses(&dir, &BY_GIT), (10, looser.map(str::to_owned).to_vec()));
    dir.commit();
    assert_eq!(clauses(&dir, &BY_GIT), (10, looser.map(str::to_owned).to_vec()));
    let run = check(&dir, &BY_GIT);
    assert_eq!((&run.json()["enforced"], &run.json()["verdict"]), (&true.into(), &"review".into()));
    assert_eq!(run.json()["loosened"]["obligations"][0]["any_of"], serde_json::json!(["role:appsec"]));
    // What the flags say outweighs what git says.
    dir.write("before.yaml", dir.read(".secgate/merge.yaml"));
    let (_, told) = clauses(&dir, &[&BY_GIT[..], &["--base-policy", "before.yaml"]].concat());
    assert_eq!(told, [looser[2]]);
    // A diff by itself tells the same, but for the name of what was.
    let (code, told) = by_diff(&dir, &[]);
    let by_git =
        looser.map(|told| told.replace("BASE:.secgate/merge.yaml", ".secgate/merge.yaml before change.diff"));
    assert_eq!((code, told), (10, by_git.to_vec()));
    // Once it is merged, it is how the gate is.
    dir.git(&["branch", "-f", "main", "HEAD"]);
    dir.write("src/a.py", "c\n");
    assert_eq!(clauses(&dir, &BY_GIT), (0, Vec::new()));
}

#[test]
fn a_policy_that_was_elsewhere_or_not_there_is_no_way_around() {
    // The embedded policy decided before, and is what the first one is compared with.
    let dir = repository(&[("src/a.py", "a\n")]);
    dir.write(".secgate/merge.yaml", POLICY);
    dir.commit();
    let (code, told) = clauses(&dir, &BY_GIT);
    assert_eq!(code, 10);
    assert!(told.iter().any(|clause| clause.starts_with("rule `no-secrets`: fail → gone")), "{told:#?}");
    let json = check(&dir, &BY_GIT).json();
    assert_eq!(json["loosened"]["embedded_before"], "embedded:merge");
    assert_eq!(json["unblock"]["summary"], "have the first gate accepted");
    // Whoever the new policy names decides nothing yet.
    assert_eq!(json["loosened"]["obligations"], serde_json::json!([]));
    let notes = json["loosened"]["notes"].to_string();
    assert!(notes.contains("no .secgate was there, so that embedded:merge decided"), "{notes}");
    // The other way round: whoever takes the policy away gets the embedded one, and is told what is gone.
    dir.git(&["branch", "-f", "main", "HEAD"]);
    dir.git(&["rm", "-q", ".secgate/merge.yaml"]);
    dir.git(&["commit", "-qm", "gone"]);
    let (code, told) = clauses(&dir, &BY_GIT);
    assert!(code != 0 && told.iter().any(|c| c.contains("BASE:.secgate/merge.yaml")), "{code} {told:#?}");

    // A file that was not there; and one that only has another name now.
    let dir = repository(&[("gates/mine.yaml", POLICY)]);
    dir.write("gates/new.yaml", POLICY.replace("gate: merge", "gate: merge\ntitle: Another one altogether"));
    dir.commit();
    let first = "policy of gate `merge`: not there → the first, and nothing tells whether it is strict enough @ gates/new.yaml:1 < -";
    let args = [&BY_GIT[..], &["--policy", "gates/new.yaml"]].concat();
    assert_eq!(clauses(&dir, &args), (10, vec![first.to_owned()]));
    let gate = &check(&dir, &args).json()["loosened"];
    // Nobody decided before, so nobody can let it through by being named in it.
    assert_eq!(gate["obligations"], serde_json::json!([]));
    assert_eq!(by_diff(&dir, &["--policy", "gates/new.yaml"]), (10, vec![first.to_owned()]));
    dir.git(&["rm", "-q", "gates/new.yaml"]);
    dir.git(&["mv", "gates/mine.yaml", "gates/new.yaml"]);
    dir.git(&["commit", "-qm", "renamed"]);
    assert_eq!(clauses(&dir, &args), (0, Vec::new()));
    assert_eq!(by_diff(&dir, &["--policy", "gates/new.yaml"]), (0, Vec::new()));
}

#[test]
fn what_a_policy_extends_is_part_of_it() {
    let child = "version: 1\nextends: {file: parent.yaml, sha256: DIGEST}\n";
    let digest = |text: &str| {
        let dir = Dir::new();
        dir.write("p.yaml", text);
        let told = dir.run(&["policy", "lint", "--policy", "p.yaml"]).stdout;
        told.split("sha256:").nth(1).unwrap()[..64].to_owned()
    };
    let with = |parent: &str| child.replace("DIGEST", &digest(parent));
    let dir = repository(&[(".secgate/merge.yaml", &with(POLICY)), (".secgate/parent.yaml", POLICY)]);
    let run = check(&dir, &BY_GIT);
    assert_eq!(run.code, 0, "{run:?}");
    let looser = POLICY.replace("then: fail", "then: warn");
    dir.write(".secgate/parent.yaml", &looser).write(".secgate/merge.yaml", with(&looser));
    let (code, told) = clauses(&dir, &BY_GIT);
    assert_eq!(code, 10);
    assert!(told.iter().any(|c| c.starts_with("rule `sast-high`: `then`: fail → warn")), "{told:#?}");
    assert!(told[0].contains("BASE:.secgate/parent.yaml:10"), "{told:#?}");
}

#[test]
fn a_policy_that_was_not_valid_can_be_corrected_by_a_review() {
    let dir = repository(&[(".secgate/merge.yaml", "version: 1\ngate: [\n")]);
    dir.write(".secgate/merge.yaml", POLICY);
    let (code, told) = clauses(&dir, &BY_GIT);
    assert_eq!(code, 10);
    assert!(
        told.len() == 1 && told[0].starts_with("policy of gate `merge`: not valid: BASE")
            || told[0].contains("not valid"),
        "{told:?}"
    );
}

#[test]
fn a_waiver_file_of_the_change_adds_all_its_waivers() {
    let dir = repository(&[(".secgate/merge.yaml", POLICY)]);
    dir.write(".secgate/waivers.yaml", WAIVERS).write("semgrep.json", semgrep(&["HIGH"]));
    dir.commit();
    let added = "waiver `W-1` (owner @dev, approved by @ann): not there → lets rule-0 in src/a0.py with content 338b0c861f359a1a through \
         merge/sast-high until 2026-06-30 @ .secgate/waivers.yaml:3 < -";
    let decided = "rule `sast-high` as before this change: fail: 1 finding → no longer blocks it @ - < .secgate/merge.yaml:10";
    assert_eq!(clauses(&dir, &BY_GIT), (10, vec![added.to_owned(), decided.to_owned()]));
    assert_eq!(by_diff(&dir, &[]), (10, vec![added.to_owned(), decided.to_owned()]));
    dir.git(&["branch", "-f", "main", "HEAD"]);
    assert_eq!(clauses(&dir, &BY_GIT), (0, Vec::new()));
    // Longer than before; and in another file, which changes nothing.
    dir.write(".secgate/waivers.yaml", WAIVERS.replace("2026-06-30", "2026-07-10"));
    dir.commit();
    let longer = "waiver `W-1` (owner @dev, approved by @ann): `expires`: 2026-06-30 → 2026-07-10 @ \
         .secgate/waivers.yaml:3 < BASE:.secgate/waivers.yaml:3";
    assert_eq!(clauses(&dir, &BY_GIT), (10, vec![longer.to_owned()]));
    assert_eq!(by_diff(&dir, &[]).1.len(), 1);
    // One that is given counts as its own predecessor.
    dir.git(&["mv", ".secgate/waivers.yaml", "mine.yaml"]);
    dir.write("mine.yaml", WAIVERS);
    dir.commit();
    assert_eq!(clauses(&dir, &[&BY_GIT[..], &["--waivers", "mine.yaml"]].concat()), (0, Vec::new()));
    // Fewer waivers are no loosening.
    assert_eq!(clauses(&dir, &BY_GIT), (1, Vec::new()));
}

#[test]
fn findings_that_a_change_makes_known_are_counted() {
    let dir = repository(&[(".secgate/merge.yaml", POLICY)]);
    dir.write("semgrep.json", semgrep(&["HIGH"]));
    let write = || {
        let run =
            dir.run(&["baseline", "write", "--no-env", "--output", ".secgate/known.jsonl", "semgrep.json"]);
        assert_eq!(run.code, 0, "{run:?}");
    };
    write();
    dir.commit();
    let args = [&BY_GIT[..], &["--baseline", ".secgate/known.jsonl"]].concat();
    let first = "baseline `.secgate/known.jsonl`: not there → 1 more are known (1 high sast), 1 in all @ .secgate/known.jsonl:1 < -";
    assert_eq!(clauses(&dir, &args).1, [first]);
    dir.git(&["branch", "-f", "main", "HEAD"]);
    assert_eq!(clauses(&dir, &args).1, Vec::<String>::new());
    dir.write("semgrep.json", semgrep(&["HIGH", "LOW", "HIGH", "MEDIUM"]));
    write();
    let more = "baseline `.secgate/known.jsonl`: 1 known findings → 3 more are known (1 high sast, 1 medium sast, 1 low \
         sast), 4 in all @ .secgate/known.jsonl:1 < BASE:.secgate/known.jsonl:1";
    assert_eq!(clauses(&dir, &args).1, [more]);
    dir.commit();
    assert_eq!(by_diff(&dir, &["--baseline", ".secgate/known.jsonl"]).1.len(), 1);
    // Worse than it was is more, too; fewer is not.
    dir.git(&["branch", "-f", "main", "HEAD"]);
    dir.write("semgrep.json", semgrep(&["HIGH", "HIGH"]));
    write();
    let worse = clauses(&dir, &args).1;
    assert!(worse.len() == 1 && worse[0].contains("1 more are known (1 high sast)"), "{worse:?}");
    dir.write("semgrep.json", semgrep(&["HIGH"]));
    write();
    assert_eq!(clauses(&dir, &args).1, Vec::<String>::new());
}

#[test]
fn what_makes_scanners_look_away_is_named_with_its_line() {
    let files = [
        (".secgate/merge.yaml", POLICY),
        (".trivyignore", "CVE-2026-1\nCVE-2026-2\n"),
        ("app/.trivyignore", "CVE-2026-9"),
        (".semgrepignore", "a/\n!a/b\n"),
        ("osv-scanner.toml", "[[IgnoredVulns]]\nid = \"GHSA-1\"\n"),
        ("src/a.py", "a()\nb()  # nosec\nc()\n"),
        ("main.tf", "resource a b {\n}\n"),
    ];
    let dir = repository(&files);
    dir.write(".trivyignore", "CVE-2026-2\n# why\nCVE-2026-3\n");
    dir.write("app/.trivyignore", "CVE-2026-9\nCVE-2026-8");
    dir.write(".semgrepignore", "a/\n");
    dir.write("osv-scanner.toml", "");
    dir.write(".gitleaks.toml", "[[allowlists]]\nstopwords = [\"hunter2\"]\n");
    dir.write("deep/er/.bandit", "[bandit]\nskips: B101\n");
    dir.write("src/a.py", "a()\nif x:\n    b()  # nosec\nc()  # nosemgrep: some.rule\n");
    dir.write("main.tf", "resource a b {\n  #checkov:skip=CKV_1:why\n}\n");
    dir.write("b.env", "KEY=hunter2 # gitleaks:allow\n");
    dir.commit();
    let told = [
        "`.gitleaks.toml` of gitleaks: not there → allowlists @ .gitleaks.toml:1 < -",
        "`.semgrepignore` of Semgrep: !a/b → gone @ .semgrepignore:1 < -",
        "`.trivyignore` of Trivy: not there → CVE-2026-3 @ .trivyignore:3 < -",
        "`app/.trivyignore` of Trivy: not there → CVE-2026-8 @ app/.trivyignore:2 < -",
        "`deep/er/.bandit` of Bandit: not there → other settings: 2 lines come, 0 go @ deep/er/.bandit:1 < -",
        "comment `gitleaks:allow` of gitleaks: not there → hides what is found there @ b.env:1 < -",
        "comment `checkov:skip` of Checkov: not there → hides what is found there @ main.tf:2 < -",
        "comment `nosemgrep` of Semgrep: not there → hides what is found there @ src/a.py:4 < -",
    ];
    let told = (10, told.map(str::to_owned).to_vec());
    assert_eq!(clauses(&dir, &BY_GIT), told);
    assert_eq!(by_diff(&dir, &[]), told);
    // A file that only moves says the same of other files.
    dir.git(&["mv", "app/.trivyignore", "src/.trivyignore"]);
    dir.commit();
    let moved = clauses(&dir, &BY_GIT).1;
    assert!(
        moved.iter().any(|told| told.starts_with("`src/.trivyignore` of Trivy: not there → CVE-2026-9")),
        "{moved:#?}"
    );
    let all = dir.check(&["--no-env", "--diff-base", "main"]).all() + &check(&dir, &BY_GIT).all();
    assert!(!all.contains("hunter2"), "{all}");
    // All of it taken away again is nothing to look at.
    dir.git(&["branch", "-f", "main", "HEAD"]);
    for path in [".trivyignore", "osv-scanner.toml"] {
        dir.git(&["rm", "-q", path]);
    }
    dir.write("src/a.py", "a()\nb()\nc()\n").write("main.tf", "resource a b {\n}\n").write("b.env", "");
    dir.write(".gitleaks.toml", "");
    dir.commit();
    assert_eq!(clauses(&dir, &BY_GIT), (0, Vec::new()));
    assert_eq!(by_diff(&dir, &[]), (0, Vec::new()));
    // What git does not know of, a scanner reads all the same.
    dir.write(".gitignore", "*.json\n*.toml\n.bandit\n");
    dir.write(".bandit", "[bandit]\nskips: B101\n");
    assert_eq!(clauses(&dir, &BY_GIT).1.len(), 1);
}

#[test]
fn a_policy_without_a_base_is_still_compared() {
    let plain = POLICY.replace("base: {from: [diff, baseline], without: review}\n", "");
    let dir = repository(&[(".secgate/merge.yaml", &plain)]);
    dir.write("src/a.py", "f() # nosec\n");
    dir.commit();
    let (code, told) = clauses(&dir, &BY_GIT);
    assert_eq!((code, told.len()), (10, 1));
    let run = check(&dir, &BY_GIT);
    assert!(run.stderr.contains("--diff-base is not used for findings"), "{run:?}");
    assert_eq!(run.json()["base"], Value::Null);
}

#[test]
fn git_is_asked_for_nothing_but_facts_and_its_failure_is_an_error() {
    let dir =
        repository(&[(".secgate/merge.yaml", POLICY), (".gitattributes", "*.yaml diff=odd filter=odd\n")]);
    for (key, value) in [
        ("diff.odd.textconv", "touch ran-textconv; cat"),
        ("diff.odd.command", "touch ran-command"),
        ("diff.external", "touch ran-external"),
        ("core.pager", "touch ran-pager"),
        ("pager.diff", "touch ran-pager"),
    ] {
        dir.git(&["config", key, value]);
    }
    dir.write(".secgate/merge.yaml", POLICY.replace("then: fail", "then: warn"));
    let (code, told) = clauses(&dir, &BY_GIT);
    assert_eq!((code, told.len()), (10, 1), "{told:?}");
    let ran: Vec<_> = std::fs::read_dir(dir.path()).unwrap().flatten().map(|e| e.file_name()).collect();
    assert!(!ran.iter().any(|name| name.to_string_lossy().starts_with("ran-")), "{ran:?}");
    for revision in ["nothing", "", "--output=x"] {
        let run = check(&dir, &[&format!("--diff-base={revision}")]);
        assert!(run.code == 2 && run.stderr.contains("--diff-base"), "{revision}: {run:?}");
        assert_eq!(run.json()["verdict"], "error");
    }
    // A diff of another state than that of the files tells nothing of them.
    dir.commit();
    dir.write(
        "change.diff",
        dir.git(&["-c", "diff.external=", "diff", "--no-ext-diff", "--no-textconv", "main...HEAD"]),
    );
    dir.write(".secgate/merge.yaml", POLICY.replace("then: fail", "then: review"));
    let (code, told) = clauses(&dir, &["--diff", "change.diff"]);
    assert_eq!(code, 10);
    assert!(told.len() == 1 && told[0].contains("the diff is of another state of it"), "{told:?}");
}

#[test]
fn a_bundle_keeps_what_the_gate_was() {
    let dir = repository(&[(".secgate/merge.yaml", POLICY)]);
    dir.write(".secgate/merge.yaml", POLICY.replace("severity: high}", "severity: critical}"));
    dir.write("src/a.py", "f() # nosec\n");
    dir.commit();
    let without = check(&dir, &BY_GIT);
    let with = check(&dir, &[&BY_GIT[..], &["--bundle", "b.tar"]].concat());
    assert_eq!(with, without);
    assert_eq!((with.code, dir.exists("b.tar")), (10, true), "{with:?}");
}

#[test]
fn a_project_below_the_top_of_a_repository() {
    let dir = repository(&[
        ("app/.secgate/merge.yaml", POLICY),
        ("app/src/a.py", "a\n"),
        (".secgate/merge.yaml", "version: 1\n"),
    ]);
    dir.write("app/.secgate/merge.yaml", POLICY.replace("then: fail", "then: warn"));
    dir.write("app/.trivyignore", "CVE-1\n").write("other/.trivyignore", "CVE-2\n");
    dir.write("app/semgrep.json", semgrep(&[]));
    dir.commit();
    let run = Run::of(dir.command().current_dir(dir.path().join("app")).args([
        "check",
        "--now",
        NOW,
        "--no-env",
        "--format",
        "json",
        "--diff-base",
        "main",
    ]));
    let json = run.json();
    let told: Vec<&str> = json["loosened"]["clauses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["clause"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["rule `sast-high`: `then`", "`.trivyignore` of Trivy"]);
}

#[test]
fn a_folder_of_policies_that_is_a_link_hides_nothing() {
    let looser = POLICY.replace("severity: high}", "severity: critical}");
    let dir = repository(&[("src/a.py", "a\n")]);
    dir.git(&["checkout", "-q", "main"]);
    dir.write("gate/merge.yaml", POLICY);
    std::os::unix::fs::symlink("gate", dir.path().join(".secgate")).unwrap();
    dir.commit();
    dir.git(&["checkout", "-qB", "change"]);
    dir.write("gate/merge.yaml", &looser);
    dir.commit();
    for args in [&[][..], &["--policy", ".secgate/merge.yaml"]] {
        for (code, told) in [clauses(&dir, &[&BY_GIT, args].concat()), by_diff(&dir, args)] {
            assert_eq!((code, told.len()), (10, 1), "{told:?}");
            assert!(told[0].contains("severity") && told[0].contains("merge.yaml"), "{told:?}");
        }
    }
    // The link leads elsewhere.
    dir.git(&["checkout", "-q", "main", "--", "gate"]);
    dir.write("other/merge.yaml", &looser);
    std::fs::remove_file(dir.path().join(".secgate")).unwrap();
    std::os::unix::fs::symlink("other", dir.path().join(".secgate")).unwrap();
    dir.commit();
    assert_eq!((clauses(&dir, &BY_GIT).0, by_diff(&dir, &[]).0), (10, 10));
    // What was a submodule nobody can read here.
    dir.git(&["checkout", "-q", "main"]);
    dir.git(&["rm", "-q", ".secgate"]);
    let head = dir.git(&["rev-parse", "HEAD"]);
    dir.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},.secgate", head.trim())]);
    dir.git(&["commit", "-qm", "submodule"]);
    dir.git(&["checkout", "-qB", "change"]);
    dir.git(&["rm", "-q", "--cached", ".secgate"]);
    let _ = std::fs::remove_dir(dir.path().join(".secgate"));
    dir.write(".secgate/merge.yaml", &looser);
    dir.commit();
    let (code, told) = clauses(&dir, &BY_GIT);
    assert!(code == 10 && told[0].contains("submodule"), "{told:?}");
}

#[test]
fn evidence_that_the_change_brings_is_named() {
    let policy = POLICY.replace("[diff, baseline]", "[diff, base-report]");
    let dir = repository(&[(".secgate/merge.yaml", &policy), ("src/a.py", "a\n")]);
    // One that is no part of the change, or no part of the project, is not.
    assert_eq!(clauses(&dir, &BY_GIT), (0, Vec::new()));
    dir.git(&["add", "-f", "semgrep.json"]);
    dir.git(&["commit", "-qm", "a clean report"]);
    let brought =
        "evidence `semgrep.json`: not there → brought by the change that it speaks for @ semgrep.json:1 < -";
    assert_eq!(clauses(&dir, &BY_GIT), (10, vec![brought.to_owned()]));
    // The base's, and what a link of the change leads to.
    dir.write("main/old.json", semgrep(&["ERROR"]));
    dir.git(&["add", "-f", "main/old.json"]);
    dir.git(&["rm", "-q", "--cached", "semgrep.json"]);
    dir.git(&["commit", "-qm", "the base's report"]);
    let (_, told) = clauses(&dir, &["--diff-base", "main", "--base-report", "main"]);
    assert!(told.iter().any(|clause| clause.starts_with("evidence `main/old.json`: not there")), "{told:?}");
}

#[test]
#[cfg(unix)]
fn a_scanner_s_settings_are_compared_behind_links_and_includes() {
    use std::os::unix::fs::symlink;

    let dir = Dir::new();
    dir.git(&["init", "-q", "-b", "main"]);
    dir.write(".gitignore", "semgrep.json\n")
        .write(".secgate/merge.yaml", POLICY)
        .write("conf/ign.txt", "CVE-2026-1\n")
        .write("conf/rules/a.yml", "rules: [{id: a}]\n")
        .write("app/.semgrepignore", ":include more.txt\n")
        .write("app/more.txt", "x\n");
    symlink("conf/ign.txt", dir.path().join(".trivyignore")).unwrap();
    symlink("conf/rules", dir.path().join(".semgrep")).unwrap();
    dir.commit();
    dir.git(&["checkout", "-qb", "change"]);
    dir.write("semgrep.json", semgrep(&[]));
    dir.write("conf/ign.txt", "CVE-2026-1\nCVE-2026-2\n")
        .write("conf/rules/a.yml", "rules: []\n")
        .write("app/more.txt", "x\nsrc/\n")
        .write(".golangci.yml", "run: {}\n");
    dir.commit();
    let (code, told) = clauses(&dir, &BY_GIT);
    assert_eq!(code, 10);
    for clause in [
        "`.trivyignore` of Trivy: not there → CVE-2026-2",
        "`.semgrep/a.yml` of Semgrep",
        "`app/more.txt` of Semgrep",
        "`.golangci.yml` of",
    ] {
        assert!(told.iter().any(|one| one.starts_with(clause)), "{clause}: {told:?}");
    }
}

/// SARIF of results, each a line and whether a comment suppresses it.
fn sarif(results: &[(u32, bool)]) -> String {
    let result = |&(line, suppressed): &(u32, bool)| {
        let suppressions =
            if suppressed { vec![serde_json::json!({"kind": "inSource"})] } else { Vec::new() };
        serde_json::json!({
            "ruleId": "eval", "level": "error", "message": {"text": "eval"}, "suppressions": suppressions,
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": "src/a.py"}, "region": {"startLine": line}}}],
        })
    };
    serde_json::json!({"version": "2.1.0", "runs": [{
        "tool": {"driver": {"name": "Semgrep OSS", "rules": [{"id": "eval", "defaultConfiguration": {"level": "error"}}]}},
        "results": results.iter().map(result).collect::<Vec<_>>(),
    }]})
    .to_string()
}

#[test]
fn more_suppressed_findings_than_in_the_base_are_named() {
    let policy = POLICY.replace("from: [diff, baseline]", "from: [diff, base-report]");
    let dir = repository(&[(".secgate/merge.yaml", &policy), ("src/a.py", "a\n")]);
    dir.write(".git/base/semgrep.json", sarif(&[(1, true), (5, false)]));
    let args = [&BY_GIT[..], &["--base-report", ".git/base/semgrep.json"]].concat();
    // As many, on other lines, and fewer.
    for same in [&[(3, true), (7, false)][..], &[(1, false), (5, false)]] {
        dir.write("semgrep.json", sarif(same));
        assert_eq!(clauses(&dir, &args).1, Vec::<String>::new(), "{same:?}");
    }
    // By a comment of any spelling, or a setting under any name.
    dir.write("semgrep.json", sarif(&[(1, true), (5, true)]));
    let clause = "suppressed findings of rule `eval` in src/a.py (semgrep): 1 → 2 @ src/a.py:1 < -";
    assert_eq!(clauses(&dir, &args), (10, vec![clause.to_owned()]));
    // A bundle decides the same again.
    let packed = check(&dir, &[&args[..], &["--bundle", "b.tar"]].concat());
    assert_eq!(packed.code, 10, "{packed:?}");
    assert_eq!(dir.run(&["verify", "--recompute", "b.tar"]).code, 0);
    // Without a report of the tool in the base there is nothing to compare with.
    dir.write(".git/base/semgrep.json", sarif(&[]).replace("Semgrep OSS", "another"));
    assert_eq!(clauses(&dir, &args).1, Vec::<String>::new());
}

/// Reports of a format with one suppressed finding, and without, and what is told of it.
const HIDDEN: [(&str, &str, &str, &str, &str); 15] = [
    (
        "kics",
        "misconfiguration",
        r#"{"kics_version":"v2.1.0","files_scanned":1,"files_parsed":1,"lines_ignored":3,"queries_total":9,"total_counter":0,"severity_counters":{},"queries":[]}"#,
        r#"{"kics_version":"v2.1.0","files_scanned":1,"files_parsed":1,"lines_ignored":1,"queries_total":9,"total_counter":0,"severity_counters":{},"queries":[]}"#,
        "rule `lines_ignored` (kics): 1 → 3",
    ),
    (
        "bandit",
        "sast",
        r#"{"errors":[],"generated_at":"2026-05-31T10:00:00Z","metrics":{"src/a.py":{"loc":9,"nosec":1,"skipped_tests":0},"_totals":{"loc":9,"nosec":1,"skipped_tests":0}},"results":[]}"#,
        r#"{"errors":[],"generated_at":"2026-05-31T10:00:00Z","metrics":{"src/a.py":{"loc":9,"nosec":0,"skipped_tests":0},"_totals":{"loc":9,"nosec":0,"skipped_tests":0}},"results":[]}"#,
        "rule `nosec` in src/a.py (bandit): 0 → 1",
    ),
    (
        "bandit",
        "sast",
        r#"{"errors":[],"generated_at":"2026-05-31T10:00:00Z","metrics":{"_totals":{"loc":9,"nosec":0,"skipped_tests":3}},"results":[]}"#,
        r#"{"errors":[],"generated_at":"2026-05-31T10:00:00Z","metrics":{"_totals":{"loc":9,"nosec":0,"skipped_tests":2}},"results":[]}"#,
        "rule `skipped_tests` (bandit): 2 → 3",
    ),
    (
        "gosec",
        "sast",
        r#"{"Golang errors":{},"Issues":[],"Stats":{"files":1,"lines":9,"nosec":1,"found":0}}"#,
        r#"{"Golang errors":{},"Issues":[],"Stats":{"files":1,"lines":9,"nosec":0,"found":0}}"#,
        "rule `nosec` (gosec): 0 → 1",
    ),
    (
        "gosec",
        "sast",
        r#"{"Golang errors":{},"Issues":[{"severity":"HIGH","confidence":"LOW","rule_id":"G401","details":"md5","file":"a.go","code":"1: md5","line":"1","column":"1","nosec":false,"suppressions":[{"kind":"inSource","justification":""}]}],"Stats":{"files":1,"lines":9,"nosec":0,"found":1}}"#,
        r#"{"Golang errors":{},"Issues":[],"Stats":{"files":1,"lines":9,"nosec":0,"found":0}}"#,
        "rule `G401` in a.go (gosec): 0 → 1",
    ),
    (
        "semgrep",
        "sast",
        r#"{"version":"1.100.0","errors":[],"paths":{"scanned":["a.py"]},"results":[{"check_id":"eval","path":"a.py","start":{"line":1},"end":{"line":1},"extra":{"severity":"ERROR","message":"eval","lines":"eval(x) # nosem","metadata":{},"is_ignored":true}}]}"#,
        r#"{"version":"1.100.0","errors":[],"paths":{"scanned":["a.py"]},"results":[]}"#,
        "rule `eval` in a.py (semgrep): 0 → 1",
    ),
    (
        "sarif",
        "sast",
        r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"ESLint"}},"results":[{"ruleId":"no-eval","level":"error","message":{"text":"eval"},"suppressions":[{"kind":"inSource","justification":""}],"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.js"},"region":{"startLine":1}}}]}]}]}"#,
        r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"ESLint"}},"results":[]}]}"#,
        "rule `no-eval` in a.js (ESLint): 0 → 1",
    ),
    (
        "checkov",
        "misconfiguration",
        r#"{"check_type":"terraform","results":{"passed_checks":[],"failed_checks":[],"skipped_checks":[{"check_id":"CKV_AWS_20","check_name":"c","check_result":{"result":"SKIPPED","suppress_comment":"x"},"file_path":"/a.tf","file_line_range":[1,2],"resource":"aws_s3_bucket.a"}],"parsing_errors":[]},"summary":{"passed":0,"failed":0,"skipped":1,"parsing_errors":0,"resource_count":1,"checkov_version":"3.2.0"}}"#,
        r#"{"check_type":"terraform","results":{"passed_checks":[],"failed_checks":[],"skipped_checks":[],"parsing_errors":[]},"summary":{"passed":1,"failed":0,"skipped":0,"parsing_errors":0,"resource_count":1,"checkov_version":"3.2.0"}}"#,
        "rule `CKV_AWS_20` in a.tf (checkov): 0 → 1",
    ),
    (
        "trivy",
        "vulnerability",
        r#"{"SchemaVersion":2,"ArtifactName":".","ArtifactType":"filesystem","Results":[{"Target":"a.lock","Class":"lang-pkgs","Type":"pip","ExperimentalModifiedFindings":[{"Type":"vulnerability","Status":"ignored","Statement":"x","Source":".trivyignore","Finding":{"VulnerabilityID":"CVE-2026-1","PkgName":"a","InstalledVersion":"1","Severity":"HIGH","Title":"t"}}]}]}"#,
        r#"{"SchemaVersion":2,"ArtifactName":".","ArtifactType":"filesystem","Results":[{"Target":"a.lock","Class":"lang-pkgs","Type":"pip","Vulnerabilities":[{"VulnerabilityID":"CVE-2026-1","PkgName":"a","InstalledVersion":"1","Severity":"HIGH","Title":"t"}]}]}"#,
        "rule `CVE-2026-1` in a.lock (trivy): 0 → 1",
    ),
    (
        "grype",
        "vulnerability",
        r#"{"matches":[],"ignoredMatches":[{"vulnerability":{"id":"CVE-2026-1","severity":"High","fix":{"versions":[],"state":"unknown"}},"relatedVulnerabilities":[],"matchDetails":[],"artifact":{"name":"a","version":"1","type":"python","locations":[{"path":"/a.lock"}],"purl":"pkg:pypi/a@1"},"appliedIgnoreRules":[{"vulnerability":"CVE-2026-1"}]}],"source":{"type":"directory","target":"."},"descriptor":{"name":"grype","version":"0.90.0"}}"#,
        r#"{"matches":[{"vulnerability":{"id":"CVE-2026-1","severity":"High","fix":{"versions":[],"state":"unknown"}},"relatedVulnerabilities":[],"matchDetails":[],"artifact":{"name":"a","version":"1","type":"python","locations":[{"path":"/a.lock"}],"purl":"pkg:pypi/a@1"}}],"source":{"type":"directory","target":"."},"descriptor":{"name":"grype","version":"0.90.0"}}"#,
        "rule `CVE-2026-1` in a.lock (grype): 0 → 1",
    ),
    (
        "sonarqube-issues",
        "sast",
        r#"{"total":1,"p":1,"ps":100,"paging":{"pageIndex":1,"pageSize":100,"total":1},"issues":[{"key":"k","rule":"python:S1523","component":"p:a.py","project":"p","severity":"BLOCKER","type":"VULNERABILITY","status":"RESOLVED","resolution":"WONTFIX","line":1,"message":"eval"}]}"#,
        r#"{"total":0,"p":1,"ps":100,"paging":{"pageIndex":1,"pageSize":100,"total":0},"issues":[]}"#,
        "rule `python:S1523` in a.py (sonarqube): 0 → 1",
    ),
    (
        "detect-secrets",
        "secret",
        r#"{"version":"1.5.0","plugins_used":[{"name":"AWSKeyDetector"}],"filters_used":[],"results":{"a.py":[{"type":"AWS Access Key","filename":"a.py","hashed_secret":"0123456789abcdef0123456789abcdef01234567","is_verified":false,"is_secret":false,"line_number":1}]},"generated_at":"2026-05-31T10:00:00Z"}"#,
        r#"{"version":"1.5.0","plugins_used":[{"name":"AWSKeyDetector"}],"filters_used":[],"results":{},"generated_at":"2026-05-31T10:00:00Z"}"#,
        "rule `AWS Access Key` in a.py (detect-secrets): 0 → 1",
    ),
    (
        "tfsec",
        "misconfiguration",
        r#"{"results":[{"rule_id":"AVD-AWS-0086","long_id":"aws-s3-x","rule_description":"d","rule_provider":"aws","rule_service":"s3","severity":"HIGH","description":"d","status":2,"resource":"aws_s3_bucket.a","location":{"filename":"a.tf","start_line":1,"end_line":2}}]}"#,
        r#"{"results":[]}"#,
        "rule `AVD-AWS-0086` in a.tf (tfsec): 0 → 1",
    ),
    (
        "zap",
        "dast",
        r#"{"@version":"2.15.0","@generated":"Mon, 1 Jun 2026 10:00:00","site":[{"@name":"https://a.example","@host":"a.example","@port":"443","@ssl":"true","alerts":[{"pluginid":"40012","alertRef":"40012","alert":"XSS","name":"XSS","riskcode":"3","confidence":"0","riskdesc":"High (False Positive)","desc":"d","instances":[{"uri":"https://a.example/","method":"GET","param":"","attack":"","evidence":""}],"count":"1"}]}]}"#,
        r#"{"@version":"2.15.0","@generated":"Mon, 1 Jun 2026 10:00:00","site":[{"@name":"https://a.example","@host":"a.example","@port":"443","@ssl":"true","alerts":[]}]}"#,
        "rule `40012`",
    ),
    (
        "cyclonedx",
        "vulnerability",
        r#"{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"tools":{"components":[{"type":"application","name":"trivy","version":"1"}]}},"components":[{"bom-ref":"a","type":"library","name":"a","version":"1","purl":"pkg:pypi/a@1"}],"vulnerabilities":[{"id":"CVE-2026-1","ratings":[{"severity":"high"}],"affects":[{"ref":"a"}],"analysis":{"state":"not_affected","detail":"x"}}]}"#,
        r#"{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"tools":{"components":[{"type":"application","name":"trivy","version":"1"}]}},"components":[{"bom-ref":"a","type":"library","name":"a","version":"1","purl":"pkg:pypi/a@1"}],"vulnerabilities":[{"id":"CVE-2026-1","ratings":[{"severity":"high"}],"affects":[{"ref":"a"}]}]}"#,
        "rule `CVE-2026-1`",
    ),
];

#[test]
fn what_a_format_tells_of_suppressed_findings_is_compared_with_the_base() {
    for (format, category, hiding, open, clause) in HIDDEN {
        let policy = format!(
            "version: 1\ngate: merge\nbase: {{from: [diff, base-report], without: review}}\n\
             evidence: {{scan: {{category: {category}, files: [report.json], format: {format}}}}}\n\
             rules: [{{id: new, findings: {{category: {category}, severity: critical, state: new}}, then: fail}}]\n"
        );
        let dir = repository(&[(".secgate/merge.yaml", &policy)]);
        let args = ["--diff-base", "main", "--base-report", ".git/base/report.json", "report.json"];
        let told = |base: &str, head: &str| {
            dir.write(".git/base/report.json", base).write("report.json", format!("{head}\n"));
            let (code, told) = clauses(&dir, &args);
            (
                code,
                told.into_iter()
                    .filter(|clause| clause.starts_with("suppressed findings of "))
                    .collect::<Vec<_>>(),
            )
        };
        let (code, lines) = told(open, hiding);
        assert!(code == 10 && lines.len() == 1 && lines[0].contains(clause), "{format}: {code} {lines:?}");
        for (base, head) in [(hiding, hiding), (hiding, open), (open, open)] {
            assert_eq!(told(base, head).1, Vec::<String>::new(), "{format}");
        }
    }
}

#[test]
fn seals_that_are_taken_off_a_baseline_are_a_clause() {
    let written = Dir::new();
    written.write("semgrep.json", semgrep(&["ERROR"])).write("src/a0.py", WAIVED_CODE);
    let run = written.run(&["baseline", "write", "--now", NOW, "--output", "known.jsonl", "semgrep.json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let sealed = written.read("known.jsonl");
    let dir = repository(&[(".secgate/merge.yaml", POLICY), ("known.jsonl", &sealed)]);
    dir.write("semgrep.json", semgrep(&["ERROR"]));
    let args = [&BY_GIT[..], &["--baseline", "known.jsonl"]].concat();
    assert_eq!(clauses(&dir, &args).1, Vec::<String>::new());
    let bare =
        |line: &str| line.split_once(",\"seal\":").map_or(line.to_owned(), |(line, _)| format!("{line}}}"));
    let unsealed: String = sealed.lines().map(|line| bare(line) + "\n").collect();
    assert_ne!(unsealed, sealed);
    dir.write("known.jsonl", unsealed);
    dir.commit();
    let (code, told) = clauses(&dir, &args);
    assert!(
        code == 1
            && told.len() == 1
            && told[0].contains("`sealed`: each line is tied to its finding → no line is"),
        "{code} {told:?}"
    );
}

#[test]
fn a_policy_folder_in_a_subfolder_is_compared_when_the_gate_runs_at_the_top() {
    const WAIVER: &str = "version: 1\nwaivers:\n  - {id: W-1, rule: package/high, match: {ids: [CVE-2026-1]}, reason: r e a, owner: \"@a\", \
        approved_by: \"@b\", compensating_controls: [c o n], created: 2026-05-15, expires: 2026-06-30, review_trigger: [kev]}\n";
    let other = "version: 1\ngate: package\nwaivers: {files: [.secgate/waivers/*.yaml], max_duration: 90d}\n\
        evidence: {deps: {category: vulnerability, files: [trivy.json]}}\n\
        rules: [{id: high, findings: {category: vulnerability, severity: high}, then: fail}]\n";
    let dir = repository(&[
        (".secgate/merge.yaml", POLICY),
        ("svc/.secgate/package.yaml", other),
        ("svc/a.py", "a\n"),
    ]);
    dir.write("svc/a.py", "b\n");
    dir.commit();
    assert_eq!(clauses(&dir, &BY_GIT).1, Vec::<String>::new());
    dir.write("svc/.secgate/package.yaml", other.replace("severity: high", "severity: critical"));
    dir.commit();
    let (code, told) = clauses(&dir, &BY_GIT);
    assert!(code == 10 && told.len() == 1 && told[0].contains("svc/.secgate/package.yaml"), "{told:?}");
    // Its waivers are those of its folder.
    dir.write("svc/.secgate/package.yaml", other).write("svc/.secgate/waivers/a.yaml", WAIVER);
    dir.commit();
    let (code, told) = clauses(&dir, &BY_GIT);
    assert!(code == 10 && told.iter().any(|clause| clause.contains("W-1")), "{told:?}");
    std::fs::remove_dir_all(dir.path().join("svc/.secgate")).unwrap();
    dir.commit();
    let (code, told) = clauses(&dir, &BY_GIT);
    assert!(code == 10 && told.len() == 1 && told[0].contains("gone"), "{told:?}");
}

/// Documentation, lock files and a scanner more in the project hide nothing from a scanner.
#[test]
fn words_about_scanners_in_documentation_and_lock_files_are_no_review() {
    for (path, text) in [
        ("README.md", "# Snyk\nSilence Bandit with `# nosec`, ESLint with `// eslint-disable-line`.\n"),
        ("CHANGELOG.md", "- removed // nolint comments\n"),
        ("yarn.lock", "eslint-disable-x@^1:\n  version 1\n"),
        ("package.json", "{\"devDependencies\":{\"snyk\":\"^1\",\"eslint\":\"9\"}}\n"),
        ("requirements-dev.txt", "flake8-noqa==1.4\n"),
        (".pre-commit-config.yaml", "repos:\n  - repo: https://github.com/hadolint/hadolint\n"),
        ("src/sonar.ts", "export const a = 1\n"),
        (".gitlab-ci.yml", "lint: {image: hadolint/hadolint, script: [hadolint Dockerfile]}\n"),
    ] {
        let dir = repository(&[(".secgate/merge.yaml", POLICY)]);
        dir.write(path, text);
        dir.commit();
        let run = check(&dir, &["--diff-base", "main"]);
        assert_eq!(run.code, 0, "{path} {run:?}");
    }
    for (path, text) in [
        ("README.md", "KEY = AKIA <!-- gitleaks:allow -->\n"),
        ("src/a.sh", "# shellcheck disable=SC2086\n"),
        ("src/Dockerfile", "# hadolint ignore=DL3006\n"),
        ("pom.xml", "<sonar.exclusions>**</sonar.exclusions>\n"),
        ("setup.cfg", "[bandit]\nskips = B101\n"),
        (".gitlab-ci.yml", "variables: {SAST_EXCLUDED_PATHS: src}\n"),
        (".checkov/config.yaml", "skip-check: [CKV_1]\n"),
    ] {
        let dir = repository(&[(".secgate/merge.yaml", POLICY)]);
        dir.write(path, text);
        dir.commit();
        let run = check(&dir, &["--diff-base", "main"]);
        assert_eq!(run.code, 10, "{path} {run:?}");
    }
}

#[test]
fn settings_that_no_name_tells_of_are_known_by_content_or_by_who_names_them() {
    let dir = repository(&[
        (".secgate/merge.yaml", POLICY),
        (".semgrepignore", ":include lists/one.txt\n"),
        ("lists/one.txt", "a/\n:include two.txt\n"),
        ("lists/two.txt", "b/\n"),
        (".gitleaks.toml", "[extend]\npath = \"qa/base.toml\"\n"),
        ("qa/base.toml", "title = \"a\"\n"),
        (".gitlab-ci.yml", "scan:\n  script:\n    - trivy image --ignorefile qa/risks.txt app\n"),
        ("qa/risks.txt", "# none\n"),
        ("qa/other.txt", "# none\n"),
        ("app/allowlist.json", "[\"example.com\"]\n"),
    ]);
    // Routine: files that are nobody's settings.
    dir.write("qa/other.txt", "# some\n").write("app/allowlist.json", "[\"example.com\", \"example.org\"]\n");
    dir.write(".gitignore", format!("{}made/\n", dir.read(".gitignore")));
    dir.commit();
    assert_eq!(clauses(&dir, &BY_GIT), (0, Vec::new()));
    dir.write("lists/two.txt", "b/\nsrc/\n").write("qa/base.toml", "title = \"b\"\n");
    dir.write("qa/risks.txt", "# none\nCVE-2026-1\n");
    let owasp = "<suppressions>\n<suppress><cve>CVE-2026-1</cve></suppress>\n</suppressions>\n";
    dir.write("config/owasp.xml", owasp);
    dir.commit();
    for told in [clauses(&dir, &BY_GIT), by_diff(&dir, &[])] {
        let (code, list) = told;
        let files: Vec<&str> = list.iter().map(|clause| clause.split('`').nth(1).unwrap()).collect();
        let expected = ["config/owasp.xml", "qa/base.toml", "qa/risks.txt", "lists/two.txt"];
        assert_eq!((code, files), (10, expected.to_vec()), "{list:#?}");
    }
}

#[test]
#[cfg(unix)]
fn links_that_multiply_are_followed_so_far_and_told() {
    let dir = repository(&[(".secgate/merge.yaml", POLICY), ("d/x.txt", "a\n")]);
    for number in 0..9 {
        std::os::unix::fs::symlink(".", dir.path().join(format!("d/l{number}"))).unwrap();
    }
    dir.commit();
    dir.git(&["branch", "-f", "main"]);
    dir.write("d/x.txt", "b\n");
    dir.commit();
    let (code, told) = clauses(&dir, &BY_GIT);
    assert_eq!(code, 10);
    assert!(told[0].starts_with("links of the project: not looked at"), "{told:?}");
}

#[test]
fn policies_in_folders_of_the_folder_are_compared_whatever_their_ending() {
    let other = POLICY.replace("gate: merge", "gate: production");
    for path in [
        ".secgate/gates/prod.yaml",
        ".secgate/a/b/prod.yml",
        ".secgate/production.yml",
        "svc/.secgate/production.yml",
    ] {
        let dir = repository(&[(".secgate/merge.yaml", POLICY), (path, &other), ("src/a.py", "a\n")]);
        dir.write("src/a.py", "b\n");
        dir.commit();
        assert_eq!(clauses(&dir, &BY_GIT), (0, Vec::new()), "{path}");
        dir.write(path, other.replace("severity: high", "severity: critical"));
        dir.commit();
        for (code, told) in [clauses(&dir, &BY_GIT), by_diff(&dir, &[])] {
            assert!(code == 10 && told.len() == 1 && told[0].contains(path), "{path}: {told:?}");
        }
    }
}

#[test]
fn metadata_of_a_resource_hides_all_of_it_and_odd_marks_are_marks() {
    let template =
        "Resources:\n  B:\n    Metadata: {checkov: {skip: [{id: CKV_1}]}}\n    Properties:\n      a: 1\n";
    let dir = repository(&[(".secgate/merge.yaml", POLICY), ("t.yaml", template), ("a.cs", "x\n")]);
    dir.write("t.yaml", template.replace("a: 1", "a: 2"));
    dir.write("a.cs", "#pragma  warning  disable CA2100\nx\n").write("strict.ruleset", "<RuleSet/>\n");
    dir.write(".gitattributes", "*.py -diff\n");
    dir.commit();
    let (code, told) = clauses(&dir, &BY_GIT);
    assert_eq!(code, 10);
    for at in ["t.yaml:3", "a.cs:1", "strict.ruleset:1", ".gitattributes:1"] {
        assert!(told.iter().any(|clause| clause.contains(at)), "{at}: {told:#?}");
    }
}
