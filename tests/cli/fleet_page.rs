//! `secgate fleet`: what months of runs say, as a page, tables, SARIF and OSCAL.

use std::fs;
use std::process::Command;

use crate::common::{Dir, root, semgrep};
use crate::convert::VALIDATE;
use crate::formats::is_there;
use serde_json::{Value, json};

/// Two scanners, waivers, reviewers, deadlines, and a version that is not trusted.
const POLICY: &str = "\
version: 1
gate: merge
trust: {deny: [{tool: semgrep, version: [\"0.9.*\"], reason: it was not theirs}]}
evidence:
  sast: {category: sast, files: [semgrep.json]}
  deps: {category: vulnerability, files: [trivy.json]}
waivers: {files: [.secgate/waivers.yaml], max_duration: 90d}
reviewers: {any_of: [\"@lead\"], at_least: 1}
rules:
  - {id: high, findings: {category: vulnerability, severity: high}, then: fail}
  - {id: overdue, findings: {category: vulnerability, due: {critical: 30d, high: 30d, from: published}}, then: warn}
  - {id: sast-medium, findings: {category: sast, severity: medium}, then: review}
  - {id: sast-critical, findings: {category: sast, severity: critical}, then: fail}
";

const WAIVERS: &str = "\
version: 1
waivers:
  - id: W-1
    rule: merge/high
    match: {ids: [CVE-2026-1]}
    reason: the function is not called
    owner: \"@kim\"
    approved_by: \"@lead\"
    compensating_controls: [WAF rule 7]
    created: 2026-06-01
    expires: 2026-06-30
    review_trigger: [severity_raised]
    seen: {severity: high, fix: available, matches: 1}
";

/// A Trivy report of advisories, each with its package; `published` says when all of them were.
fn trivy(advisories: &[(&str, &str)], published: &str) -> String {
    let one = |(id, package): &(&str, &str)| {
        json!({"VulnerabilityID": id, "PkgName": package, "InstalledVersion": "1.0.0", "FixedVersion": "2.0.0", "Status": "fixed",
            "Severity": "HIGH", "Title": "a title", "PublishedDate": published})
    };
    let found: Vec<Value> = advisories.iter().map(one).collect();
    json!({"SchemaVersion": 2, "ArtifactType": "filesystem", "Results": [
        {"Target": "package-lock.json", "Class": "lang-pkgs", "Type": "npm", "Vulnerabilities": found}]})
    .to_string()
}

/// A run of a fleet.
struct SavedRun<'r> {
    name: &'r str,
    project: &'r str,
    request: u64,
    commit: &'r str,
    time: &'r str,
    files: Vec<(&'r str, String)>,
}

impl SavedRun<'_> {
    fn write(&self, dir: &Dir) {
        let Self { name, project, request, commit, time, files } = self;
        let team = project.split('/').next();
        let about = json!({"id": name, "project": project, "team": team, "merge_request": request, "commit": commit.repeat(40), "time": time,
            "gate": "merge"});
        dir.write(&format!("runs/{name}/run.json"), about.to_string());
        for (file, text) in files {
            dir.write(&format!("runs/{name}/{file}"), text);
        }
    }
}

/// A project that is blocked by one package, one whose reviews wait, and one whose scanner is gone.
fn history() -> Dir {
    let dir = Dir::new();
    let (one, both) =
        ([("CVE-2026-1", "http-core")], [("CVE-2026-1", "http-core"), ("CVE-2026-2", "json-kit")]);
    let (may, none) = ("2026-05-01T00:00:00Z", semgrep(&[]));
    let run = |name, project, request, commit, time, files| SavedRun {
        name,
        project,
        request,
        commit,
        time,
        files,
    };
    let reports = |sast: &str, deps: String| vec![("semgrep.json", sast.to_owned()), ("trivy.json", deps)];
    let warning = semgrep(&["WARNING"]);
    let waived = vec![
        ("semgrep.json", warning.clone()),
        ("trivy.json", trivy(&one, may)),
        (".secgate/waivers.yaml", WAIVERS.to_owned()),
    ];
    for run in [
        run("api-1", "pay/api", 1, "a", "2026-05-10T08:00:00Z", reports(&none, trivy(&both, may))),
        run("api-2", "pay/api", 2, "b", "2026-06-10T08:00:00Z", reports(&none, trivy(&one, may))),
        run(
            "web-1",
            "front/web",
            1,
            "c",
            "2026-05-11T08:00:00Z",
            reports(&none.replace("1.0.0", "0.9.1"), trivy(&[], may)),
        ),
        run("web-2", "front/web", 2, "d", "2026-06-01T08:00:00Z", reports(&warning, trivy(&[], may))),
        run("web-3", "front/web", 2, "d", "2026-06-02T09:00:00Z", reports(&none, trivy(&[], may))),
        run("web-4", "front/web", 3, "e", "2026-06-12T08:00:00Z", waived),
        run("old-1", "pay/old", 1, "f", "2026-05-12T08:00:00Z", reports(&none, trivy(&[], may))),
        run("old-2", "pay/old", 2, "0", "2026-06-11T08:00:00Z", vec![("trivy.json", trivy(&[], may))]),
        run(
            "old-3",
            "pay/old",
            3,
            "1",
            "2026-06-13T08:00:00Z",
            reports("{\"version\": \"1", trivy(&[], may)),
        ),
        run("ops-1", "ops/new", 1, "2", "2026-06-05T08:00:00Z", vec![("trivy.json", trivy(&[], may))]),
    ] {
        run.write(&dir);
    }
    dir.write("policy.yaml", POLICY);
    let replay = dir.run(&["replay", "--policy", "policy.yaml", "--keep-going", "--rows", "rows", "runs"]);
    assert_eq!(replay.code, 0, "{replay:?}");
    dir
}

/// A table as CSV.
fn table(dir: &Dir, name: &str) -> String {
    let run = dir.run(&["fleet", "rows", "--format", "csv", "--table", name]);
    assert_eq!(run.code, 0, "{run:?}");
    run.stdout.replace("\r\n", "\n")
}

#[test]
fn verdicts_are_counted_by_month_team_gate_and_repository() {
    let dir = history();
    insta::assert_snapshot!(table(&dir, "verdicts-by-month"), @r"
    month,runs,fail,error,review,pass,share that fails
    2026-06,7,3,1,2,1,42
    2026-05,3,2,0,0,1,66
    ");
    insta::assert_snapshot!(table(&dir, "verdicts-by-team"), @r"
    team,runs,fail,error,review,pass,share that fails,repositories,repositories that failed
    pay,5,3,1,0,1,60,2,2
    front,4,1,0,2,1,25,1,1
    ops,1,1,0,0,0,100,1,1
    ");
    insta::assert_snapshot!(table(&dir, "verdicts-by-gate"), @r"
    gate,runs,fail,error,review,pass,share that fails
    merge,10,5,1,2,2,50
    ");
    insta::assert_snapshot!(table(&dir, "verdicts-by-repository"), @r#"
    repository,team,latest,on,block now,old debt,"oldest, days",runs,share that fails,last pass
    pay/api,pay,fail,2026-06-10T08:00:00Z,1,0,40,2,100,
    ops/new,ops,fail,2026-06-05T08:00:00Z,0,0,,1,100,
    pay/old,pay,error,2026-06-13T08:00:00Z,0,0,,3,33,2026-05-12T08:00:00Z
    front/web,front,review,2026-06-12T08:00:00Z,1,0,42,4,25,2026-06-02T09:00:00Z
    "#);
}

#[test]
fn deadlines_advisories_and_the_upgrade_that_clears_most() {
    let dir = history();
    insta::assert_snapshot!(table(&dir, "deadlines-over"), @r#"
    due,days left,repository,severity,finding,place,rules,owners
    2026-05-31T00:00:00Z,-13,pay/api,high,CVE-2026-1,http-core 1.0.0,"high, overdue",
    "#);
    insta::assert_snapshot!(table(&dir, "deadlines-next"), @"due,days left,repository,severity,finding,place,rules,owners");
    insta::assert_snapshot!(table(&dir, "advisories"), @r"
    advisory,package,runs,repositories,block now,runs with a fix
    CVE-2026-1,http-core,2,1,1,100
    CVE-2026-2,json-kit,1,1,0,100
    ");
    insta::assert_snapshot!(table(&dir, "upgrades"), @r#"
    package,lets through now,to,let through,only package that blocks,"repositories now, up to five"
    http-core,1,2.0.0,1,1,pay/api
    "#);
    let page = dir.run(&["fleet", "rows"]).stdout;
    assert!(page.contains("The one upgrade that clears most is that of http-core to 2.0.0: it alone lets the latest run of 1 repository through."), "{page}");
}

#[test]
fn waivers_cost_days_and_hide_findings() {
    let dir = history();
    insta::assert_snapshot!(table(&dir, "waivers-by-owner"), @r#"
    owner,waivers,cover now,emergencies,days so far,days granted,hide now,high or worse,"next ends in, days"
    '@kim,1,1,0,12,30,1,1,18
    "#);
    insta::assert_snapshot!(table(&dir, "waivers"), @r"
    waiver,repository,rules,owner,approved by,state,until,days so far,days left,hides,what it hides
    W-1,front/web,merge/high,'@kim,'@lead,active,2026-06-30,12,18,1,CVE-2026-1 http-core
    ");
}

#[test]
fn scanners_that_are_denied_dead_or_missing() {
    let dir = history();
    insta::assert_snapshot!(table(&dir, "scanners"), @r"
    scanner,version,runs,repositories,now,findings,first run,last run,note
    semgrep,1.0.0,6,3,2,2,2026-05-10T08:00:00Z,2026-06-12T08:00:00Z,
    semgrep,0.9.1,1,1,0,0,2026-05-11T08:00:00Z,2026-05-11T08:00:00Z,denied
    trivy,not said,10,4,4,4,2026-05-10T08:00:00Z,2026-06-13T08:00:00Z,
    ");
    insta::assert_snapshot!(table(&dir, "scanners-denied"), @r#"
    scanner,version,why,runs,let through,repositories,now,last run,"repositories now, up to five"
    semgrep,0.9.1,semgrep 0.9.1 is not trusted: it was not theirs,1,1,1,0,2026-05-11T08:00:00Z,
    "#);
    insta::assert_snapshot!(table(&dir, "evidence-missing"), @r#"
    repository,gate,evidence,state,status,outcome,whole in runs,of runs,last whole,why
    ops/new,merge,sast,never_whole,absent,fail,0,1,,no file semgrep.json
    pay/old,merge,sast,not_whole,unreadable,error,1,3,2026-05-12T08:00:00Z,"is not valid JSON at line 1, column 15: the file ends too early: it was cut, or is still being written"
    "#);
    insta::assert_snapshot!(table(&dir, "evidence-that-stops"), @r"
    gate,evidence,status,times
    merge,sast,absent,2
    merge,sast,foreign,1
    merge,sast,unreadable,1
    ");
}

#[test]
fn rules_that_never_fire_and_reviews_that_wait() {
    let dir = history();
    insta::assert_snapshot!(table(&dir, "rules"), @r"
    gate,rule,note,looked,fail,review,warn,error,nothing to look at,share that fires,alone
    merge,high,,10,2,0,0,0,0,20,2
    merge,overdue,,10,0,0,2,0,0,20,0
    merge,sast-critical,never_fires,6,0,0,0,0,4,0,0
    merge,sast-medium,,6,0,2,0,0,4,33,2
    ");
    insta::assert_snapshot!(table(&dir, "rules-blockers"), @r"
    gate,rule,blockers,with a fix,old debt,different,days in all,days each,waived
    merge,high,3,100,33,2,31,15,1
    ");
    insta::assert_snapshot!(table(&dir, "reviews"), @r#"
    asked,reviews,answered,ended otherwise,waiting,"median, hours","longest, hours","waits longest, hours"
    '@lead,2,1,0,1,25,25,24
    "#);
    insta::assert_snapshot!(table(&dir, "review-waits"), @r"
    repository,gate,change,asked,since,now,answered,hours
    front/web,merge,!3,'@lead,2026-06-12T08:00:00Z,waiting,,24
    front/web,merge,!2,'@lead,2026-06-01T08:00:00Z,pass,yes,25
    ");
}

#[test]
fn one_page_goes_down_to_the_finding_and_fetches_nothing() {
    let dir = history();
    let run = dir.run(&["fleet", "rows", "--output", "page.html"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
    let page = dir.read("page.html");
    for part in [
        "<svg ",
        "id=\"verdicts-by-month\"",
        "id=\"deadlines-over\"",
        "id=\"upgrades\"",
        "id=\"waivers-by-owner\"",
        "id=\"scanners-denied\"",
        "id=\"evidence-missing\"",
        "id=\"rules-together\"",
        "id=\"review-waits\"",
        "id=\"r0\"",
        "href=\"#r0\"",
        "href=\"data:text/csv;charset=utf-8,",
        "The latest run was not decided; what follows is of 2026-06-11",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains(" style="));
    assert_eq!(page.matches("<script>").count(), 1);
    let listed = dir.run(&["fleet", "rows", "--format", "csv", "--output", "tables"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    assert!(dir.read("tables/open-findings.csv").contains("CVE-2026-1"));
    let markdown = dir.run(&["fleet", "rows", "--format", "markdown"]).stdout;
    assert!(markdown.contains("| `pay/api` | pay | fail | 2026-06-10 | 1 |"), "{markdown}");
}

/// Text of a run means nothing in any form.
#[test]
fn names_of_runs_are_text() {
    let dir = Dir::new();
    let hostile = "</td><script>alert(1)</script>|`=1+1";
    let about =
        json!({"id": hostile, "project": hostile, "team": "=HYPERLINK(1)", "time": "2026-05-10T08:00:00Z"});
    dir.write("policy.yaml", POLICY)
        .write("run/semgrep.json", semgrep(&["WARNING"]))
        .write("run/trivy.json", trivy(&[("CVE-2026-1", "<img src=x>")], "2026-05-01T00:00:00Z"))
        .write("run/run.json", about.to_string());
    let replay = dir.run(&["replay", "--policy", "policy.yaml", "--rows", "rows", "run"]);
    assert_eq!(replay.code, 0, "{replay:?}");
    let page = dir.run(&["fleet", "rows"]).stdout;
    assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
    let most = "that of &lt;img src=x&gt; would clear every finding that failed in 1 run.";
    assert!(page.contains(most), "{page}");
    let markdown = dir.run(&["fleet", "rows", "--format", "markdown"]).stdout;
    assert!(!markdown.contains("<script>") && !markdown.contains("<img"), "{markdown}");
    assert!(table(&dir, "verdicts-by-team").contains("'=HYPERLINK(1)"));
}

/// What is exit code 2 and says why.
fn refused(dir: &Dir, args: &[&str], why: &str) {
    let run = dir.run(&[&["fleet"], args].concat());
    assert!(run.code == 2 && run.stderr.contains(why), "{args:?}, {why}: {run:?}");
    assert_eq!(run.stdout, "", "{args:?}");
}

#[test]
fn rows_that_are_broken_or_not_whole_are_refused_by_file_and_line() {
    let dir = history();
    refused(
        &dir,
        &["runs"],
        "runs: holds no rows (no rows.json); `secgate replay --rows OUT RUNS` writes them",
    );
    refused(&dir, &["nowhere"], "nowhere: ");
    refused(&dir, &["rows", "--label", "B"], "has no run of a policy with the label B");
    let edit = |table: &str, change: &dyn Fn(String) -> String, why: &str| {
        let name = format!("rows/{table}.ndjson");
        let before = dir.read(&name);
        dir.write(&name, change(before.clone()));
        refused(&dir, &["rows"], why);
        dir.write(&name, before);
    };
    edit(
        "run_rule",
        &|text| text.replacen("\"outcome\":\"fail\"", "\"outcome\":\"bad\"", 1),
        "rows/run_rule.ndjson:1: is no row of this version of secgate: unknown variant `bad`",
    );
    edit(
        "run_finding",
        &|text| text.replacen(",\"owners\":[]", "", 1),
        "rows/run_finding.ndjson:1: is no row of this version of secgate: missing field `owners`",
    );
    edit(
        "run",
        &|text| text.split_inclusive('\n').skip(1).collect(),
        "rows: is not whole: end.json tells of 10 runs, and run.ndjson has 9 rows",
    );
    edit("run", &|text| text.trim_end().to_owned(), "rows/run.ndjson:10: does not end");
    edit(
        "run_evidence",
        &|text| text.replacen("\"seq\":1,", "\"seq\":0,", 1) + "{\"seq\":1}\n",
        "rows/run_evidence.ndjson:",
    );
    edit(
        "run_waiver",
        &|text| text.replace("run_waiver\"", "run\""),
        "rows/run_waiver.ndjson:1: is a row of `run` in the table `run_waiver`",
    );
    edit(
        "run_waiver",
        &|text| text.replace("\"seq\":", "\"seq\":9"),
        "rows/run_waiver.ndjson:1: is of a run that has no row in `run`",
    );
    for (file, why) in [
        ("end.json", "rows: is not whole: it has no end.json"),
        ("run_waiver.ndjson", "rows: has no table run_waiver.ndjson"),
    ] {
        let path = dir.path().join("rows").join(file);
        let before = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        refused(&dir, &["rows"], why);
        fs::write(&path, before).unwrap();
    }
    let head = dir.read("rows/rows.json");
    dir.write("rows/rows.json", head.replace("secgate/rows/v1", "secgate/rows/v9"));
    refused(&dir, &["rows"], "rows/rows.json: holds rows of secgate/rows/v9");
    dir.write("rows/rows.json", head);
    let shard = dir.run(&[
        "replay",
        "--policy",
        "policy.yaml",
        "--keep-going",
        "--rows",
        "part",
        "--shard",
        "1/2",
        "runs",
    ]);
    assert_eq!(shard.code, 0, "{shard:?}");
    refused(&dir, &["part"], "part: is shard 1/2 and not the whole");
    fs::create_dir(dir.path().join("again")).unwrap();
    for file in fs::read_dir(dir.path().join("rows")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), dir.path().join("again").join(file.file_name())).unwrap();
    }
    refused(
        &dir,
        &["rows", "again"],
        "again: has the run `api-1`, and so has rows: it would be counted twice",
    );
    assert_eq!(dir.run(&["fleet", "rows"]).code, 0);
}

#[test]
fn a_page_does_not_outlive_rows_that_are_refused() {
    let dir = history();
    let args = ["fleet", "rows", "--output", "page.html"];
    for _ in 0..2 {
        assert_eq!(dir.run(&args).code, 0);
    }
    fs::remove_file(dir.path().join("rows/end.json")).unwrap();
    assert_eq!(dir.run(&args).code, 2);
    assert!(!dir.exists("page.html"));
    dir.write("page.html", "mine");
    refused(&dir, &["rows", "--output", "page.html"], "--output page.html: is there and is not a record");
    assert_eq!(dir.read("page.html"), "mine");
}

/// One replay for each gate; what is the latest run, is so for each.
#[test]
fn gates_are_told_apart_and_together() {
    let dir = history();
    let package = POLICY.replace("gate: merge", "gate: package").replace("then: review", "then: warn");
    dir.write("package.yaml", package);
    let replay = dir.run(&["replay", "--policy", "package.yaml", "--keep-going", "--rows", "more", "runs"]);
    assert_eq!(replay.code, 0, "{replay:?}");
    let run = dir.run(&["fleet", "rows", "more", "--format", "csv", "--table", "verdicts-by-gate"]);
    assert_eq!(run.code, 0, "{run:?}");
    let told: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(told[1..], ["merge,10,5,1,2,2,50", "package,10,6,1,0,3,60"]);
    let page = dir.run(&["fleet", "rows", "more"]).stdout;
    assert!(page.contains("10 runs were saved for another gate than the policy&#39;s"), "{page}");
    assert_eq!(page.matches("<details class=\"repository\"").count(), 8);
}

#[test]
fn a_stream_of_rows_makes_the_same_page() {
    let dir = history();
    let stream = dir.run(&["replay", "--policy", "policy.yaml", "--keep-going", "--rows", "-", "runs"]);
    dir.write("rows.ndjson", &stream.stdout);
    assert_eq!(dir.run(&["fleet", "rows.ndjson"]), dir.run(&["fleet", "rows"]));
    let cut: String =
        stream.stdout.split_inclusive('\n').rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect();
    dir.write("cut.ndjson", cut);
    refused(&dir, &["cut.ndjson"], "cut.ndjson: is not whole: the line {\"end\":true,…} is missing");
    dir.write("other.ndjson", stream.stdout.replacen("run_rule", "run_rune", 1));
    refused(&dir, &["other.ndjson"], "other.ndjson:1: is of no table that is known: `run_rune`");
}

#[test]
fn other_systems_get_sarif_and_oscal() {
    let dir = history();
    let run = dir.run(&["fleet", "rows", "--format", "sarif", "--output", "fleet.sarif"]);
    assert_eq!(run.code, 0, "{run:?}");
    let sarif: Value = serde_json::from_str(&dir.read("fleet.sarif")).unwrap();
    let told: Vec<(&str, usize, bool)> = sarif["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| {
            let results = run["results"].as_array().map_or(0, Vec::len);
            (
                run["automationDetails"]["id"].as_str().unwrap(),
                results,
                run["invocations"][0]["executionSuccessful"] == true,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("secgate/front/web/semgrep.json/", 1, true),
            ("secgate/pay/api/trivy.json/", 1, true),
            ("secgate/pay/old/", 0, false)
        ]
    );
    assert_eq!(sarif["runs"][1]["results"][0]["ruleId"], "CVE-2026-1");
    if is_there("python3", &["-c", "import jsonschema"], "SECGATE_DEMAND_JSONSCHEMA") {
        let schema = root().join("tests/schemas/sarif-2.1.0.json");
        let judge = Command::new("python3")
            .args(["-c", VALIDATE])
            .arg(schema)
            .arg("fleet.sarif")
            .current_dir(dir.path())
            .output();
        let judge = judge.unwrap();
        assert!(judge.status.success() && judge.stdout.is_empty(), "{judge:?}");
    }
    let oscal = dir.run(&["fleet", "rows", "--format", "oscal"]).json();
    let results = oscal["assessment-results"]["results"].as_array().unwrap();
    let titles: Vec<&str> = results.iter().map(|result| result["title"].as_str().unwrap()).collect();
    assert_eq!(
        titles,
        [
            "Gate merge of ops/new",
            "Gate merge of pay/api",
            "Gate merge of pay/old",
            "Gate merge of front/web"
        ]
    );
    assert_eq!(oscal["assessment-results"]["metadata"]["title"], "Record of 4 decisions of several projects");
    assert_eq!(results[1]["start"], "2026-06-10T08:00:00Z");
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let dir = history();
    refused(
        &dir,
        &["rows", "--format", "csv"],
        "--format csv writes several tables: give --output DIR, or --table NAME",
    );
    refused(&dir, &["rows", "--table", "rules"], "--table is for --format csv");
    refused(&dir, &["rows", "--format", "csv", "--table", "x"], "--table x: is none of verdicts-by-month, ");
    refused(&dir, &["rows", "--output", "rows"], "--output rows: is also an input of this run");
}
