//! No edit of a policy makes a verdict better than the gate from before the change would have given, and no policy that
//! extends another decides better than that other. The same of edits of all that stands beside the policy: waivers, baseline,
//! people and feeds. What is taken out of them never helps. `SECGATE_CASES` is how many pairs are tried (64 unless it is set).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where it fails")]

use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use secgate::decide::{Decision, Outcome};
use secgate::gather::Limits;
use secgate::relate::BaselineFile;
use secgate::run::RunRequest;
use sha2::{Digest as _, Sha256};

/// Parts of a policy that are written or left out, changed or not.
const PARTS: [(&str, &[&str]); 8] = [
    ("severity", &["", "severity: {unknown: low}\n", "severity: {unknown: critical}\n"]),
    (
        "base",
        &[
            "",
            "base: {from: [base-report], without: review}\n",
            "base: {from: [base-report], without: warn}\n",
        ],
    ),
    ("waivers", &["", "waivers: {max_duration: 90d}\n", "waivers: {max_duration: 90d, not_author: true}\n"]),
    ("reviewers", &["", "reviewers: {any_of: [\"role:appsec\"], not: [author]}\n"]),
    ("allow", &["", ", allow: 1"]),
    ("level", &["high", "medium", "critical"]),
    ("state", &["", ", state: new", ", state: [new, newly_disclosed]"]),
    ("require", &["{\"$.ok\": true}", "{\"$.ok\": present}", "{\"$.more\": true}"]),
];

/// A policy of these choices.
fn policy(choices: &[usize; 8], then: &str) -> String {
    let part = |at: usize| {
        let (_, words) = PARTS.get(at).unwrap();
        *words.get(choices.get(at).unwrap() % words.len()).unwrap()
    };
    let (allow, level, state, require) = (part(4), part(5), part(6), part(7));
    let state = if part(1).is_empty() { "" } else { state };
    format!(
        "version: 1\ngate: merge\n{}{}{}{}people: {{appsec: [\"@ann\"]}}\nevidence:\n  \
         deps: {{category: vulnerability, files: [trivy.json]}}\n  facts: {{document: json, files: [facts.json]}}\n\
         rules:\n  - {{id: deps, findings: {{category: vulnerability, severity: {level}{state}}}, then: {then}{allow}}}\n  \
         - {{id: ready, document: {{name: facts, require: {require}}}, then: {then}}}\n",
        part(0),
        part(1),
        part(2),
        part(3)
    )
}

fn report(severities: &[&str]) -> String {
    let entry = |(at, severity): (usize, &&str)| {
        format!(
            r#"{{"VulnerabilityID":"CVE-2026-100{at}","PkgName":"a{at}","InstalledVersion":"1","Severity":"{severity}"}}"#
        )
    };
    let entries: Vec<String> = severities.iter().enumerate().map(entry).collect();
    format!(
        r#"{{"SchemaVersion":2,"ArtifactName":".","ArtifactType":"filesystem","Results":[{{"Target":"p.lock","Class":"lang-pkgs","Type":"pip","Vulnerabilities":[{}]}}]}}"#,
        entries.join(",")
    )
}

/// What a policy file of a folder decides there.
fn decided(folder: &Path, policy: &str, before: Option<&str>, base: bool) -> Decision {
    let limits = Limits { max_report: 1 << 20, max_stdin: 0, max_findings: 10 };
    let now = "2026-06-01T12:00:00Z".parse().unwrap();
    let mut request = RunRequest::of_nothing("merge", now, limits);
    request.policy.policy = Some(folder.join(policy));
    request.gate_before.base_policy = before.map(|name| folder.join(name));
    request.evidence =
        vec![("deps".to_owned(), folder.join("trivy.json")), ("facts".to_owned(), folder.join("facts.json"))];
    if base {
        request.base.base_reports = vec![folder.join("main.json")];
    }
    match request.resolve() {
        Ok(resolved) => resolved.decide(None),
        Err(error) => request.undecided(&error),
    }
}

fn cases() -> ProptestConfig {
    let cases = std::env::var("SECGATE_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(64);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

const SEVERITIES: [&str; 5] = ["LOW", "MEDIUM", "HIGH", "CRITICAL", "UNKNOWN"];

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_edit_of_a_policy_lets_through_what_the_gate_before_stopped(
        before in prop::array::uniform8(0_usize..3),
        after in prop::array::uniform8(0_usize..3),
        thens in prop::array::uniform2(prop::sample::select(vec!["fail", "review", "warn"])),
        head in prop::collection::vec(prop::sample::select(SEVERITIES.to_vec()), 0..4),
        main in prop::collection::vec(prop::sample::select(SEVERITIES.to_vec()), 0..4),
        ok in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path();
        let (old, new) = (policy(&before, thens[0]), policy(&after, thens[1]));
        fs::write(folder.join("old.yaml"), &old).unwrap();
        fs::write(folder.join("new.yaml"), &new).unwrap();
        fs::write(folder.join("trivy.json"), report(&head)).unwrap();
        fs::write(folder.join("main.json"), report(&main)).unwrap();
        fs::write(folder.join("facts.json"), format!("{{\"ok\": {ok}}}")).unwrap();
        let compares = |text: &str| text.contains("base:");
        let alone = decided(folder, "old.yaml", None, compares(&old));
        let both = decided(folder, "new.yaml", Some("old.yaml"), compares(&new));
        // A base that is no longer given is another question than an edit of the policy.
        if compares(&old) == compares(&new) && alone.verdict >= Outcome::Review {
            prop_assert!(both.verdict >= Outcome::Review, "{old}\n{new}\n{:?} {:?}", alone.verdict, both.verdict);
        }
        let digest = secgate::finding::hex(&Sha256::digest(&old));
        let rows = new.split_once("rules:\n").map_or("", |(_, rows)| rows).replace("id: ", "id: own-");
        let child = format!("version: 1\ngate: merge\nextends: {{file: old.yaml, sha256: {digest}}}\nrules:\n{rows}");
        fs::write(folder.join("child.yaml"), child).unwrap();
        let child = decided(folder, "child.yaml", None, compares(&old));
        prop_assert!(child.verdict >= alone.verdict, "{old}\n{rows}\n{:?} {:?}", alone.verdict, child.verdict);
    }
}

/// What stands beside the policy in a project, of two vulnerabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ProjectChoice {
    people: usize,
    waived: [bool; 2],
    known: [bool; 2],
    lifted: [bool; 2],
    exploited: [bool; 2],
    approved: bool,
}

const PEOPLE: [&str; 3] = ["[\"@ann\"]", "[\"@ann\", \"@eve\"]", "[\"@eve\"]"];

fn choice() -> impl Strategy<Value = ProjectChoice> {
    let two = any::<[bool; 2]>;
    (0..3_usize, two(), two(), two(), two(), any::<bool>()).prop_map(
        |(people, waived, known, lifted, exploited, approved)| ProjectChoice {
            people,
            waived,
            known,
            lifted,
            exploited,
            approved,
        },
    )
}

/// A repository whose gate is compared with that of `main`.
struct GateProject(tempfile::TempDir);

impl GateProject {
    fn new() -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        project.git(&["init", "-q", "-b", "main"]);
        for at in 0..2 {
            fs::write(project.0.path().join(format!("base{at}.json")), vulnerable(&[at])).unwrap();
        }
        fs::write(project.0.path().join("trivy.json"), vulnerable(&[0, 1])).unwrap();
        fs::write(project.0.path().join(".gitignore"), "/base*.json\n/trivy.json\n/approvals.json\n")
            .unwrap();
        project
    }

    fn git(&self, args: &[&str]) {
        let mut git = Command::new("git");
        for key in ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"] {
            git.env(key, "/dev/null");
        }
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        assert!(
            git.args(identity).args(args).current_dir(self.0.path()).status().unwrap().success(),
            "{args:?}"
        );
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", message, "--allow-empty"]);
    }

    fn secgate(&self, args: &[&str]) -> (i32, String) {
        let run = Command::new(env!("CARGO_BIN_EXE_secgate"))
            .args(args)
            .args(["--no-env", "--now", "2026-06-01T12:00:00Z"])
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&run.stdout).into_owned();
        (run.status.code().unwrap(), told + &String::from_utf8_lossy(&run.stderr))
    }

    fn put(&self, choice: ProjectChoice) {
        let folder = self.0.path();
        fs::create_dir_all(folder.join(".secgate")).unwrap();
        let store = |name: &str, text: String| fs::write(folder.join(name), text).unwrap();
        store(
            ".secgate/merge.yaml",
            format!(
                "version: 1\ngate: merge\nbase: {{from: [baseline], without: warn}}\nevidence:\n  \
                 deps: {{category: vulnerability, files: [trivy.json]}}\n  \
                 kev: {{feed: kev, files: [kev.json], required: false}}\n  \
                 vex: {{feed: vex, files: [acme.vex.json], required: false}}\n  \
                 approvals: {{document: gitlab-approvals, files: [approvals.json], required: false}}\n\
                 vex: {{accept: [\"Acme PSIRT\"], max_age: 90d}}\n\
                 waivers: {{files: [.secgate/waivers.yaml], max_duration: 90d}}\n\
                 people: {{appsec: {}}}\nreviewers: {{any_of: [\"role:appsec\"]}}\nrules:\n  \
                 - {{id: deps, findings: {{category: vulnerability, severity: high, state: new}}, then: fail}}\n  \
                 - {{id: exploited, findings: {{category: vulnerability, kev: true}}, then: review}}\n",
                PEOPLE.get(choice.people).unwrap()
            ),
        );
        let of = |list: [bool; 2]| list.into_iter().enumerate().filter(|(_, is)| *is).map(|(at, _)| at);
        let waivers: Vec<String> = of(choice.waived)
            .map(|at| {
                format!(
                    "  - {{id: W-{at}, rule: [merge/deps, merge/exploited], match: {{ids: [CVE-2026-100{at}]}}, reason: why, owner: \"@dev\",\n     \
                     approved_by: \"@ann\", compensating_controls: [tests], created: 2026-05-15, expires: 2026-06-30,\n     \
                     review_trigger: [severity_raised], seen: {{severity: critical}}}}\n"
                )
            })
            .collect();
        let list = if waivers.is_empty() {
            "waivers: []\n".to_owned()
        } else {
            "waivers:\n".to_owned() + &waivers.concat()
        };
        store(".secgate/waivers.yaml", format!("version: 1\n{list}"));
        let known: Vec<String> = of(choice.known).map(|at| format!("base{at}.json")).collect();
        if known.is_empty() {
            store(".secgate/known.jsonl", BaselineFile::new(None, Vec::new()).text());
        } else {
            let _ = fs::remove_file(folder.join(".secgate/known.jsonl"));
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let done = self
                .secgate(&[&["baseline", "write", "--output", ".secgate/known.jsonl"], &known[..]].concat());
            assert_eq!(done.0, 0, "{done:?}");
        }
        let exploited: Vec<String> =
            of(choice.exploited).chain([7]).map(|at| format!(r#"{{"cveID":"CVE-2026-100{at}"}}"#)).collect();
        store(
            "kev.json",
            format!(
                r#"{{"catalogVersion":"1","dateReleased":"2026-05-31T10:00:00Z","count":{},"vulnerabilities":[{}]}}"#,
                exploited.len(),
                exploited.join(",")
            ),
        );
        let statements: Vec<String> = of(choice.lifted)
            .chain([7])
            .map(|at| {
                format!(
                    r#"{{"vulnerability":{{"name":"CVE-2026-100{at}"}},"products":[{{"@id":"pkg:pypi/a{at}@1"}}],
                    "status":"not_affected","justification":"vulnerable_code_not_in_execute_path"}}"#
                )
            })
            .collect();
        store(
            "acme.vex.json",
            format!(
                r#"{{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://acme.example/1","author":"Acme PSIRT",
                "timestamp":"2026-05-20T00:00:00Z","version":1,"statements":[{}]}}"#,
                statements.join(",")
            ),
        );
        let by = if choice.approved {
            r#"{"user":{"id":1,"username":"ann","state":"active","locked":false},"approved_at":"2026-06-01T10:30:00Z"}"#
        } else {
            ""
        };
        store("approvals.json", format!(r#"{{"iid":7,"state":"opened","approved_by":[{by}]}}"#));
    }

    fn decide(&self, more: &[&str]) -> (i32, String) {
        self.secgate(&[&["check", "--format", "json", "--baseline", ".secgate/known.jsonl"], more].concat())
    }
}

/// A Trivy report of these of the two vulnerabilities.
fn vulnerable(which: &[usize]) -> String {
    let entries: Vec<String> = which
        .iter()
        .map(|at| {
            let severity = if *at == 0 { "HIGH" } else { "CRITICAL" };
            format!(
                r#"{{"VulnerabilityID":"CVE-2026-100{at}","PkgName":"a{at}","InstalledVersion":"1","Severity":"{severity}",
                "PkgIdentifier":{{"PURL":"pkg:pypi/a{at}@1"}}}}"#
            )
        })
        .collect();
    format!(
        r#"{{"SchemaVersion":2,"ArtifactName":".","ArtifactType":"filesystem","Results":[{{"Target":"p.lock","Class":"lang-pkgs","Type":"pip","Vulnerabilities":[{}]}}]}}"#,
        entries.join(",")
    )
}

/// How bad an exit code is: pass, review, error, fail.
fn badness(code: i32) -> usize {
    [0, 10, 2, 1].iter().position(|known| *known == code).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases().cases.div_ceil(4), ..cases() })]

    #[test]
    fn no_edit_beside_the_policy_lets_through_what_the_gate_before_stopped(before in choice(), after in choice()) {
        let project = GateProject::new();
        project.put(before);
        project.commit("before");
        let (alone, told) = project.decide(&[]);
        prop_assert!(alone != 2, "{told}");
        project.git(&["checkout", "-qb", "change"]);
        // Who approved is no part of the change.
        project.put(ProjectChoice { approved: before.approved, ..after });
        project.commit("after");
        let (both, told) = project.decide(&["--diff-base", "main"]);
        prop_assert!(both != 2, "{told}");
        prop_assert!(alone == 0 || both != 0, "{before:?} {after:?} {told}");
    }

    #[test]
    fn what_is_taken_out_of_the_base_waivers_statements_and_approvals_never_helps(with in choice(), which in 0..7_usize) {
        let mut without = with;
        let gone = match which {
            0 | 1 => without.waived.get_mut(which),
            2 | 3 => without.known.get_mut(which - 2),
            4 | 5 => without.lifted.get_mut(which - 4),
            _ => Some(&mut without.approved),
        };
        *gone.unwrap() = false;
        let project = GateProject::new();
        project.put(with);
        let (whole, told) = project.decide(&[]);
        prop_assert!(whole != 2, "{told}");
        project.put(without);
        let (less, told) = project.decide(&[]);
        prop_assert!(badness(less) >= badness(whole), "{with:?} {which} {whole} {less} {told}");
    }
}
