//! `secgate report`: the record of decisions, in its three forms.

use crate::attest::verdict_in;
use crate::common::Dir;

/// A directory with a verdict, a bundle and a signed verdict.
fn decided() -> Dir {
    let dir = Dir::new();
    verdict_in(&dir, "verdict.json", &["--bundle", "merge.tar"]);
    assert_eq!(dir.run(&["attest", "keygen", "--output", "gate"]).code, 0);
    let sign = ["attest", "--bundle", "merge.tar", "--key", "gate.key", "--output", "signed.jsonl"];
    assert_eq!(dir.run(&sign).code, 0);
    dir
}

#[test]
fn the_record_says_what_was_decided_on_what_and_how_to_check_it() {
    let dir = decided();
    let run = dir.run(&["report", "--format", "markdown", "merge.tar", "--controls", "ssdf"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    for part in [
        "# Record of the",
        "### Rules",
        "### Evidence",
        "### Not looked at",
        "## Controls: NIST SSDF 1\\.1",
        "secgate verify --recompute merge.tar",
        "in a bundle of evidence whose checksums fit",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    let page = dir.run(&["report", "merge.tar"]).stdout;
    assert!(
        page.starts_with("<!DOCTYPE html>")
            && page.contains("default-src 'none'")
            && !page.contains("<script")
    );
    // The same inputs give the same bytes, in whatever order.
    let two = |files: &[&str]| dir.run(&[&["report", "--key", "gate.pub"], files].concat()).stdout;
    assert_eq!(two(&["merge.tar", "signed.jsonl"]), two(&["signed.jsonl", "merge.tar"]));
    assert!(two(&["signed.jsonl"]).contains("signed by gate.pub"));
    let unchecked = dir.run(&["report", "--format", "markdown", "signed.jsonl"]);
    assert!(unchecked.stdout.contains("no key was given to check it with"), "{unchecked:?}");
}

#[test]
fn oscal_has_a_finding_for_each_control_that_is_spoken_of() {
    let dir = decided();
    let run =
        dir.run(&["report", "--format", "oscal", "merge.tar", "--controls", "soc2", "--controls", "cra"]);
    let results = &run.json()["assessment-results"];
    assert_eq!(results["metadata"]["oscal-version"], "1.1.3");
    let result = &results["results"][0];
    assert!(!result["observations"].as_array().unwrap().is_empty(), "{result}");
    let id = results["uuid"].as_str().unwrap();
    assert!(id.len() == 36 && id.as_bytes()[14] == b'5', "{id}");
    assert_eq!(
        run.stdout,
        dir.run(&["report", "--format", "oscal", "merge.tar", "--controls", "soc2", "--controls", "cra"])
            .stdout
    );
}

#[test]
fn a_record_of_nothing_or_of_a_changed_verdict_is_not_made() {
    let dir = decided();
    dir.write("other.json", "{}").write("mine.html", "my page").write("controls.yaml", "version: 1\n");
    let stranger = ["attest", "keygen", "--output", "stranger"];
    assert_eq!(dir.run(&stranger).code, 0);
    for (args, why) in [
        (&["other.json"][..], "is neither a bundle nor a verdict"),
        (&["missing.tar"], "missing.tar"),
        (&["signed.jsonl", "--key", "stranger.pub"], "signed by none of the keys stranger.pub"),
        (&["merge.tar", "--controls", "soc3"], "known are soc2, pci-dss, ssdf, slsa, osps, cra"),
        (&["merge.tar", "--controls", "controls.yaml"], "is not a mapping of controls"),
        (&["merge.tar", "--output", "mine.html"], "is not a record; nothing was removed"),
        (&["merge.tar", "--output", "merge.tar"], "is also an input"),
    ] {
        let run = dir.run(&[&["report"], args].concat());
        assert!(run.code == 2 && run.stderr.contains(why), "{args:?}: {run:?}");
    }
    assert_eq!(dir.read("mine.html"), "my page");
    let write = |input: &str| dir.run(&["report", input, "--output", "page.html"]).code;
    assert_eq!(write("merge.tar"), 0);
    assert!(dir.read("page.html").contains("Record of"));
    // A page of an earlier run does not outlive one that fails.
    assert_eq!(write("other.json"), 2);
    assert!(!dir.exists("page.html"));
}

/// Nothing that a report says becomes markup of the page.
#[test]
fn text_of_reports_is_text() {
    let dir = decided();
    let evil = "<img src=x onerror=alert(1)>|`[x](javascript:y)";
    let verdict: serde_json::Value = serde_json::from_str(&dir.read("verdict.json")).unwrap();
    let mut changed = verdict.clone();
    changed["gate"] = evil.into();
    changed["rules"][0]["message"] = evil.into();
    dir.write("evil.json", format!("{changed}\n"));
    let html = dir.run(&["report", "evil.json"]).stdout;
    assert!(!html.contains("<img") && html.contains("&lt;img src=x"), "{html}");
    let markdown = dir.run(&["report", "evil.json", "--format", "markdown"]).stdout;
    assert!(
        !markdown.contains("<img") && !markdown.contains("](java") && markdown.contains("\\|"),
        "{markdown}"
    );
}
