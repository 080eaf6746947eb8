//! Subjects, keys, and rules about images, SBOMs, provenance, approvals and verdicts.

use super::tests::refusal;
use super::{load, load_with, sha256};
use crate::policy::{
    ApprovalSource, DecidedOn, DocumentKind, EntryKind, Policy, PredicateKind, Subject, VerdictWord,
};

/// A policy with two subjects, entries of every kind in lines 4 to 12, and one rule in line 14.
fn with_rule(rule: &str) -> String {
    format!(
        "version: 1\ngate: package\nsubjects: {{api: {{kind: image}}, worker: {{kind: image}}}}\nevidence:\n\
         \x20 scan: {{category: vulnerability, subject: each, files: \"trivy-${{subject}}.json\"}}\n\
         \x20 sbom: {{document: sbom, subject: each, files: \"sbom-${{subject}}.json\", max_age: 1d}}\n\
         \x20 slsa: {{document: provenance, subject: api, files: slsa.intoto.jsonl}}\n\
         \x20 approvals: {{document: gitlab-approvals, files: approvals.json}}\n\
         \x20 versions: {{document: gitlab-versions, files: versions.json}}\n\
         \x20 verdicts: {{document: verdict, files: \"verdicts/*.jsonl\"}}\n\
         keys: {{builder: {{file: keys/b.pub, sha256: \"{}\"}}}}\n\
         people: {{release: [\"@lead\"]}}\nrules:\n  - {{id: r, then: fail, {rule}}}\n",
        sha256(b"key")
    )
}

fn loaded(text: &str) -> Policy {
    let mut beside = |path: &str| match path {
        "keys/b.pub" => Ok((path.to_owned(), b"key".to_vec())),
        _ => Err("does not exist".to_owned()),
    };
    load_with("p.yaml", text.as_bytes(), &mut beside).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

#[test]
fn an_entry_for_each_subject() {
    let policy = loaded(&with_rule("findings: {evidence: scan, not: {subject: worker}}"));
    let names: Vec<&str> = policy.evidence.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(
        names,
        ["scan/api", "scan/worker", "sbom/api", "sbom/worker", "slsa", "approvals", "versions", "verdicts"]
    );
    let scan = policy.entry("scan/worker").unwrap();
    assert_eq!((scan.subject.as_deref(), scan.files[0].text()), (Some("worker"), "trivy-worker.json"));
    assert!(scan.is_called("scan") && scan.is_called("scan/worker") && !scan.is_called("scan/api"));
    assert_eq!(policy.entry("sbom/api").unwrap().kind, EntryKind::Document(DocumentKind::Sbom));
    let Subject::Findings(selector) = &policy.rules[0].subject else { panic!() };
    assert_eq!(selector.evidence, ["scan/api", "scan/worker"]);
    assert_eq!(selector.not[0].evidence, ["scan/worker"]);
    assert_eq!(policy.rules[0].fed_by, ["scan/api", "scan/worker"]);
    // Of one subject the entry keeps its name.
    let one = "version: 1\ngate: g\nsubjects: {api: {kind: image}}\nevidence:\n  scan: {category: vulnerability, subject: each, files: \"t-${subject}.json\"}\nrules: [{id: r, findings: {}, then: fail}]\n";
    assert_eq!(loaded(one).evidence[0].name, "scan");
}

#[test]
fn every_rule_subject_is_read() {
    let rule = |text: &str| loaded(&with_rule(text)).rules.remove(0);
    let image = rule(
        "image: {subject: each, registry: [\"r.example.com/**\"], digest: required, created_within: 7d, base: \"r.example.com/base/*\", base_created_within: 30d, os_end_of_life: false}",
    );
    assert_eq!(image.fed_by, ["scan/api", "scan/worker", "sbom/api", "sbom/worker", "slsa"]);
    let Subject::Image(image) = image.subject else { panic!() };
    assert_eq!(image.subjects, ["api", "worker"]);
    assert!(image.digest && image.os_maintained);
    assert!(
        image.registry[0].matches("r.example.com/a/b") && !image.base[0].matches("r.example.com/base/a/b")
    );
    let Subject::Sbom(sbom) =
        rule("sbom: {subject: each, licenses: {deny: [AGPL-3.0-only], unknown: review}}").subject
    else {
        panic!()
    };
    assert!(sbom.names_subject && sbom.components_at_least == 1 && sbom.format.is_empty());
    let slsa = rule(
        "provenance: {subject: api, signed_by: builder, predicate: slsa-v1, builder: b, source: s, ref: \"refs/tags/*\", commit: context}",
    );
    assert_eq!(slsa.fed_by, ["slsa"]);
    let Subject::Provenance(slsa) = slsa.subject else { panic!() };
    assert!(slsa.commit && slsa.predicate == [PredicateKind::SlsaV1]);
    let approved = rule(
        "approvals: {from: merge_request, any_of: [\"role:release\"], at_least: 2, not: author, for: commit, max_age: 7d}",
    );
    assert_eq!(approved.fed_by, ["approvals", "versions"]);
    let Subject::Approvals(approved) = approved.subject else { panic!() };
    assert_eq!((approved.from, approved.reviewers.at_least), (vec![ApprovalSource::MergeRequest], 2));
    let Subject::Verdicts(verdicts) =
        rule("verdicts: {merge: {on: commit}, package: {on: subject}, signed_by: [builder], max_age: 72h}")
            .subject
    else {
        panic!()
    };
    assert_eq!(
        verdicts.gates,
        [("merge".to_owned(), DecidedOn::Commit), ("package".to_owned(), DecidedOn::Subject)]
    );
    assert_eq!((verdicts.verdict, verdicts.subjects.len()), (vec![VerdictWord::Pass], 2));
}

#[test]
fn a_key_is_its_digest() {
    let rule = "provenance: {subject: api, signed_by: [builder]}";
    assert_eq!(
        loaded(&with_rule(rule)).key("builder").unwrap().file().unwrap().bytes.as_deref(),
        Ok(b"key".as_slice())
    );
    let why = |text: &str| loaded(text).key("builder").unwrap().file().unwrap().bytes.clone().unwrap_err();
    let other = why(&with_rule(rule).replace(&sha256(b"key"), &"1".repeat(64)));
    assert!(
        other.contains("has sha256:2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"),
        "{other}"
    );
    let missing = why(&with_rule(rule).replace("keys/b.pub", "keys/c.pub"));
    assert_eq!(missing, "keys.builder: keys/c.pub: does not exist");
    let placeholder = why(&with_rule(rule).replace(&sha256(b"key"), &"0".repeat(64)));
    assert_eq!(
        placeholder,
        "keys.builder is a placeholder: put the public key into keys/b.pub and its SHA-256 into `sha256`"
    );
}

/// The first problem stands in this line and begins like this.
#[track_caller]
fn says(text: &str, line: u64, message: &str, help: &str) {
    let error = refusal(text);
    let (place, said) = error.split_once(": ").unwrap();
    assert!(place.starts_with(&format!("p.yaml:{line}:")) && said.starts_with(message), "{error}\n\n{text}");
    assert!(error.contains(help), "{error}\n\nhas no: {help}");
}

#[test]
fn what_is_misspelt_or_undeclared_is_refused() {
    let rule = |text: &str, message: &str, help: &str| says(&with_rule(text), 14, message, help);
    rule(
        "image: {subject: apy, digest: required}",
        "`subject`: the policy has no subject `apy`; did you mean `api`?",
        "",
    );
    rule(
        "image: {digest: required}",
        "the policy has 2 subjects, and nothing says which are meant",
        "add `subject: each`",
    );
    rule("image: {subject: each}", "`image` demands nothing; give one of `registry`", "");
    rule("image: {subject: each, os_end_of_life: true}", "`os_end_of_life: true` would demand", "");
    rule("image: {subject: each, registry: [nginx]}", "`registry`: `nginx` is not a glob of image", "");
    rule("sbom: {subject: each, licences: {}}", "unknown key in `sbom`: `licences`; did you mean", "");
    rule("provenance: {subject: api}", "`provenance` without `signed_by` may only be `then: warn`", "");
    rule(
        "provenance: {subject: worker, signed_by: builder}",
        "no evidence entry can feed the rule `r`",
        "document: provenance",
    );
    rule(
        "provenance: {subject: api, signed_by: bilder}",
        "`signed_by`: the policy has no key `bilder`; did you mean `builder`?",
        "",
    );
    rule(
        "approvals: {from: deployment, any_of: [\"@lead\"]}",
        "no evidence entry can feed the rule `r`: there is no `document: gitlab-deployment`",
        "",
    );
    rule(
        "approvals: {from: merge_request, any_of: [\"@lead\"], not: committers}",
        "the rule `r` needs to know who committed: there is no `document: gitlab-commits`",
        "",
    );
    rule(
        "approvals: {from: merge_request, any_of: [\"role:relase\"]}",
        "`people` has no role `relase`; did you mean `role:release`?",
        "",
    );
    rule(
        "verdicts: {merge: {on: comit}, signed_by: builder}",
        "`on`: unknown word `comit`; did you mean `commit`?",
        "",
    );
    rule(
        "verdicts: {merge: {on: commit}, signd_by: builder}",
        "unknown key in `verdicts`: `signd_by`; did you mean `signed_by`?",
        "",
    );
    rule("verdicts: {signed_by: builder}", "`verdicts` names no gate", "");
    rule("findings: {subject: api, evidence: sbom}", "`evidence`: `sbom` holds no reports", "");
    let head = "version: 1\ngate: g\nrules: [{id: r, findings: {}, then: fail}]\n";
    let whole = |text: &str| format!("{head}{text}\n");
    says(
        &whole("evidence: {s: {category: sast, files: \"a-${subject}.json\"}}"),
        4,
        "`${subject}` in an entry that is about no subject",
        "",
    );
    says(
        &whole(
            "subjects: {a: {kind: image}}\nevidence: {s: {category: sast, subject: a, files: \"a-${name}.json\"}}",
        ),
        5,
        "`files` knows `${subject}` and no other",
        "",
    );
    says(
        &whole(
            "subjects: {a: {kind: image}, b: {kind: image}}\nevidence: {s: {category: sast, subject: each, files: a.json}}",
        ),
        5,
        "each subject would have the same files",
        "",
    );
    says(
        &whole("subjects: {each: {kind: image}}\nevidence: {s: {category: sast, files: a.json}}"),
        4,
        "`each` cannot be the name of a subject",
        "",
    );
    says(
        &whole(
            "evidence: {s: {category: sast, files: a}, v: {document: gitlab-versions, files: v.json, max_age: 1d}}",
        ),
        4,
        "`max_age`: nothing tells how old `v` is",
        "",
    );
    assert!(
        refusal(&whole("keys: {k: {file: k, sha256: abc}}\nevidence: {s: {category: sast, files: a}}"))
            .contains("64 hexadecimal digits")
    );
}

#[test]
fn the_language_of_the_four_gates() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/policies");
    let Ok(found) = std::fs::read_dir(&folder) else {
        assert!(std::env::var_os("SECGATE_DEMAND_SHARED").is_none(), "{} is missing", folder.display());
        return;
    };
    let mut count = 0;
    for file in found.map(|file| file.unwrap().path()) {
        load("p.yaml", &std::fs::read(&file).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        count += 1;
    }
    assert!(count == 0 || count >= 4, "{count}");
}
