//! What the record says, in the order in which somebody who was not there asks.

use serde_json::Value;

use super::document::RecordBlock as Block;
use super::{AuditRecord, RecordProof, RecordedDecision, count, joined, list, text};
use crate::attest::release_range::MergedRequest;
use crate::finding::plural;

/// Most rows of a table of findings.
const MOST_ROWS: usize = 200;

/// What the record is about, on one line.
pub(super) fn title(record: &AuditRecord) -> String {
    let gates: Vec<&str> = record.decisions.iter().map(|one| text(&one.verdict, "/gate")).collect();
    let last = record.decisions.last().map_or(&Value::Null, |one| &one.verdict);
    let project = text(last, "/context/project");
    let of = if project.is_empty() { String::new() } else { format!(" of {project}") };
    match gates.as_slice() {
        [one] => format!("Record of the {one} gate{of}"),
        _ if record.is_of_several_projects() => {
            format!("Record of {} decisions of several projects", gates.len())
        }
        _ => format!("Record of {} decisions{of}: {}", gates.len(), gates.join(", ")),
    }
}

pub(super) fn blocks(record: &AuditRecord) -> Vec<Block> {
    let mut page = vec![Block::Paragraph(
        "Made by secgate from the verdicts alone. A gate compares what scanners and people left behind with a policy that is \
         pinned by its digest; this page says what it saw, what it decided, and how to check both."
            .to_owned(),
    )];
    if record.decisions.len() > 1 {
        page.push(Block::Table(
            vec!["gate", "decision", "decided at", "about", "checked"],
            record.decisions.iter().map(chain_row).collect(),
        ));
    }
    changes(record, &mut page);
    for one in &record.decisions {
        decision(one, &mut page);
    }
    controls(record, &mut page);
    verification(record, &mut page);
    page
}

/// The changes that the release contains, each with its last decision.
fn changes(record: &AuditRecord, page: &mut Vec<Block>) {
    let Some(release) = &record.release else { return };
    page.push(Block::Heading(2, "Changes of this release".to_owned()));
    let (mut rows, mut missing) = (Vec::new(), 0_u64);
    for change in release.changes() {
        let (commits, trees) = (change.commits(), change.trees());
        let is_about = |one: &&RecordedDecision| {
            let commit = text(&one.verdict, "/context/commit");
            text(&one.verdict, "/gate") == "merge"
                && (commits.iter().any(|id| id == commit)
                    || one.trees.iter().any(|tree| trees.contains(tree)))
        };
        // They are sorted by their time.
        let last = record.decisions.iter().rfind(is_about);
        missing += u64::from(last.is_none());
        let of_requests = |of: &dyn Fn(&MergedRequest) -> String| {
            let all: Vec<String> = change.requests.iter().map(of).filter(|text| !text.is_empty()).collect();
            all.join(", ")
        };
        let title = of_requests(&|request| format!("!{} {}", request.iid, request.title));
        let title =
            if title.is_empty() { format!("{} (no merge request)", change.commit.title) } else { title };
        let author = of_requests(&|request| request.author.clone());
        let decided = last.map_or_else(
            || "no verdict of the merge gate".to_owned(),
            |one| format!("{} at {}", text(&one.verdict, "/verdict"), text(&one.verdict, "/evaluated_at")),
        );
        rows.push(vec![
            change.commit.id.clone(),
            title.trim().to_owned(),
            author,
            of_requests(&|request| request.merged_at.clone()),
            decided,
            last.map(|one| approved_by(&one.verdict)).unwrap_or_default(),
            last.map(proof).unwrap_or_default(),
        ]);
    }
    let all = plural(release.changes().len() as u64, "change");
    let since = release.from.as_deref().unwrap_or("the beginning");
    page.push(Block::Paragraph(format!(
        "{all} from {since} to {}, {missing} without a verdict.",
        release.to
    )));
    let columns =
        vec!["commit", "merge request", "author", "merged at", "decision", "approved by", "checked"];
    page.push(Block::Table(columns, rows));
}

/// Everybody whose approval a verdict counted.
fn approved_by(verdict: &Value) -> String {
    let holders = list(verdict, "/rules").iter().chain(list(verdict, "/evidence"));
    let holders = holders.chain(verdict.pointer("/loosened")).chain(verdict.pointer("/base"));
    let mut names: Vec<&str> = holders
        .flat_map(|holder| list(holder, "/obligations").iter().chain([holder]))
        .flat_map(|holder| list(holder, "/approved_by"))
        .filter_map(Value::as_str)
        .collect();
    names.sort_unstable();
    names.dedup();
    names.join("; ")
}

fn chain_row(one: &RecordedDecision) -> Vec<String> {
    let verdict = &one.verdict;
    vec![
        text(verdict, "/gate").to_owned(),
        text(verdict, "/verdict").to_owned(),
        text(verdict, "/evaluated_at").to_owned(),
        about(verdict),
        proof(one),
    ]
}

fn about(verdict: &Value) -> String {
    let mut parts: Vec<String> = list(verdict, "/context/subjects")
        .iter()
        .map(|subject| format!("{}@{}", text(subject, "/name"), text(subject, "/digest")))
        .collect();
    let commit = text(verdict, "/context/commit");
    if !commit.is_empty() {
        parts.push(format!("commit {commit}"));
    }
    if parts.is_empty() { "nothing that it names".to_owned() } else { parts.join(", ") }
}

fn proof(one: &RecordedDecision) -> String {
    match one.proof {
        RecordProof::File => "a file; nothing shows who made it".to_owned(),
        RecordProof::Bundle => {
            "in a bundle of evidence whose checksums fit; nothing shows who made it".to_owned()
        }
        RecordProof::Signed => format!("signed by {}", one.signers.join(" and ")),
        RecordProof::Unchecked => "signed, and no key was given to check it with".to_owned(),
    }
}

/// One decision, from what was decided to what was not looked at.
fn decision(one: &RecordedDecision, page: &mut Vec<Block>) {
    let verdict = &one.verdict;
    let (gate, word) = (text(verdict, "/gate"), text(verdict, "/verdict"));
    page.push(Block::Heading(2, format!("{gate}: {word}")));
    let enforced = verdict.pointer("/enforced").and_then(Value::as_bool).unwrap_or_default();
    let meaning = match (word, enforced) {
        (_, false) => "The policy only watched: this decision stopped nothing.",
        ("pass", true) => "Every rule that applied was met, or what it asked for was answered.",
        ("review", true) => "Stopped until a named person answers for what is listed.",
        ("fail", true) => "Stopped.",
        (_, true) => "No decision could be reached, which stops as a failure does.",
    };
    page.push(Block::Paragraph(meaning.to_owned()));
    facts(one, page);
    let emergencies: Vec<String> =
        list(verdict, "/emergencies").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if !emergencies.is_empty() {
        page.push(Block::Heading(3, "Emergency changes".to_owned()));
        page.push(Block::Points(emergencies));
    }
    rules(verdict, page);
    loosened(verdict, page);
    approvals(verdict, page);
    waivers(verdict, page);
    evidence(verdict, page);
    suppressions(verdict, page);
    not_looked_at(verdict, page);
}

fn facts(one: &RecordedDecision, page: &mut Vec<Block>) {
    let verdict = &one.verdict;
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            rows.push(vec![name.to_owned(), value]);
        }
    };
    let pinned =
        if text(verdict, "/clock") == "pinned" { " (the clock was pinned by whoever ran it)" } else { "" };
    row("decided at", format!("{}{pinned}", text(verdict, "/evaluated_at")));
    row("project", text(verdict, "/context/project").to_owned());
    row("commit", text(verdict, "/context/commit").to_owned());
    for subject in list(verdict, "/context/subjects") {
        row("image or package", format!("{}@{}", text(subject, "/name"), text(subject, "/digest")));
    }
    if let Some(parameters) = verdict.pointer("/context/parameters").and_then(Value::as_object) {
        for (name, value) in parameters {
            row(name, value.as_str().unwrap_or_default().to_owned());
        }
    }
    row("pipeline", text(verdict, "/context/pipeline_url").to_owned());
    row("author of the change", text(verdict, "/context/author").to_owned());
    let (source, digest) = (text(verdict, "/policy/source"), text(verdict, "/policy/sha256"));
    row("policy", if source.is_empty() { String::new() } else { format!("{source}, sha256:{digest}") });
    for parent in list(verdict, "/policy/extends") {
        row("extends", format!("{}, sha256:{}", text(parent, "/path"), text(parent, "/sha256")));
    }
    row("secgate", text(verdict, "/secgate").to_owned());
    row("verdict", format!("sha256:{} ({})", one.sha256, one.place));
    if let Some(bundle) = &one.bundle {
        row("bundle of evidence", format!("sha256:{bundle}"));
    }
    row("checked", proof(one));
    for error in list(verdict, "/errors") {
        row("error", format!("{} {}", text(error, "/path"), text(error, "/message")).trim().to_owned());
    }
    page.push(Block::Table(vec!["fact", "value"], rows));
}

fn rules(verdict: &Value, page: &mut Vec<Block>) {
    page.push(Block::Heading(3, "Rules".to_owned()));
    let row = |rule: &Value| {
        let counted = match (count(rule, "/count"), count(rule, "/waived"), count(rule, "/vexed")) {
            (0, 0, 0) => "none".to_owned(),
            (n, waived, vexed) => {
                let mut parts = vec![n.to_string()];
                if waived > 0 {
                    parts.push(format!("{waived} waived"));
                }
                if vexed > 0 {
                    parts.push(format!("{vexed} not affected"));
                }
                parts.join(", ")
            }
        };
        let title = text(rule, "/title");
        let id = text(rule, "/id");
        let named = if title.is_empty() || title == id { id.to_owned() } else { format!("{title} ({id})") };
        vec![
            text(rule, "/outcome").to_owned(),
            named,
            counted,
            count(rule, "/allow").to_string(),
            text(rule, "/message").to_owned(),
        ]
    };
    let rows = list(verdict, "/rules").iter().map(row).collect();
    page.push(Block::Table(vec!["outcome", "rule", "found", "allowed", "what it says"], rows));
    let shown = list(verdict, "/findings");
    if !shown.is_empty() {
        page.push(Block::Heading(3, "Findings that rules caught".to_owned()));
        let rows = shown.iter().take(MOST_ROWS).map(finding_row).collect();
        page.push(Block::Table(vec!["severity", "state", "finding", "where", "waiver"], rows));
        let (all, told) = (count(verdict, "/findings_total"), shown.len().min(MOST_ROWS) as u64);
        if all > told {
            page.push(Block::Paragraph(format!(
                "{told} of {} are listed; the verdict has those that it kept.",
                plural(all, "finding")
            )));
        }
    }
}

fn finding_row(finding: &Value) -> Vec<String> {
    let ids = joined(finding, "/ids", ", ");
    let id = if ids.is_empty() { text(finding, "/rule_id").to_owned() } else { ids };
    let package = text(finding, "/package/name");
    let path = text(finding, "/location/path");
    let place = if !package.is_empty() {
        format!("{package} {}", text(finding, "/package/version"))
    } else if path.is_empty() {
        text(finding, "/target").to_owned()
    } else {
        match finding.pointer("/location/line").and_then(Value::as_u64) {
            Some(line) => format!("{path}:{line}"),
            None => path.to_owned(),
        }
    };
    vec![
        text(finding, "/severity").to_owned(),
        text(finding, "/state").to_owned(),
        format!("{} ({id})", text(finding, "/title")),
        place,
        text(finding, "/waiver").to_owned(),
    ]
}

fn loosened(verdict: &Value, page: &mut Vec<Block>) {
    let Some(change) = verdict.pointer("/loosened").filter(|change| !change.is_null()) else { return };
    page.push(Block::Heading(3, "Changes of the gate itself".to_owned()));
    page.push(Block::Paragraph(format!("{}: {}", text(change, "/outcome"), text(change, "/message"))));
    let row = |clause: &Value| {
        vec![
            text(clause, "/clause").to_owned(),
            text(clause, "/before").to_owned(),
            text(clause, "/after").to_owned(),
        ]
    };
    let rows: Vec<_> = list(change, "/clauses").iter().map(row).collect();
    if !rows.is_empty() {
        page.push(Block::Table(vec!["clause", "before", "after"], rows));
    }
}

fn approvals(verdict: &Value, page: &mut Vec<Block>) {
    let mut rows = Vec::new();
    let mut of = |what: &str, holder: &Value| {
        for obligation in list(holder, "/obligations") {
            let asked =
                format!("{} of {}", count(obligation, "/at_least"), joined(obligation, "/any_of", ", "));
            let not = joined(obligation, "/not", ", ");
            let asked = if not.is_empty() { asked } else { format!("{asked}; not {not}") };
            let by = joined(obligation, "/approved_by", "; ");
            let missing = count(obligation, "/missing");
            let state = if missing == 0 { "answered".to_owned() } else { format!("{missing} missing") };
            let refused = joined(obligation, "/not_counted", "; ");
            rows.push(vec![what.to_owned(), asked, by, state, refused]);
        }
    };
    for rule in list(verdict, "/rules") {
        of(text(rule, "/id"), rule);
    }
    for evidence in list(verdict, "/evidence") {
        of(text(evidence, "/entry"), evidence);
    }
    if let Some(change) = verdict.pointer("/loosened") {
        of("changes of the gate", change);
    }
    // A rule about approvals says itself who approved.
    if rows.is_empty() {
        return;
    }
    page.push(Block::Heading(3, "Approvals".to_owned()));
    page.push(Block::Table(vec!["asked by", "who was asked", "approved by", "state", "not counted"], rows));
}

fn waivers(verdict: &Value, page: &mut Vec<Block>) {
    let all = list(verdict, "/waivers");
    if all.is_empty() {
        return;
    }
    page.push(Block::Heading(3, "Waivers, and what they hide".to_owned()));
    let row = |waiver: &Value| {
        let hides = count(waiver, "/hides");
        let matches = format!("{} of {}", count(waiver, "/matches"), count(waiver, "/max_matches"));
        vec![
            text(waiver, "/id").to_owned(),
            text(waiver, "/status").to_owned(),
            joined(waiver, "/rule", ", "),
            format!("{}; matches {matches}", plural(hides, "finding")),
            text(waiver, "/reason").to_owned(),
            joined(waiver, "/compensating_controls", "; "),
            format!("{}, approved by {}", text(waiver, "/owner"), text(waiver, "/approved_by")),
            format!("{} to {}", text(waiver, "/created"), text(waiver, "/expires")),
        ]
    };
    page.push(Block::Table(
        vec!["waiver", "status", "rules", "hides", "reason", "compensating controls", "owner", "valid"],
        all.iter().map(row).collect(),
    ));
    let covering = all.iter().filter(|waiver| count(waiver, "/hides") > 0);
    let hidden: u64 = covering.clone().map(|waiver| count(waiver, "/hides")).sum();
    page.push(Block::Paragraph(format!(
        "{} hide {} from the rules.",
        plural(covering.count() as u64, "waiver"),
        plural(hidden, "finding")
    )));
}

fn evidence(verdict: &Value, page: &mut Vec<Block>) {
    page.push(Block::Heading(3, "Evidence".to_owned()));
    let row = |one: &Value| {
        let tool = format!("{} {}", text(one, "/tool/name"), text(one, "/tool/version"));
        let tool =
            if tool.trim().is_empty() { text(one, "/format").to_owned() } else { tool.trim().to_owned() };
        let digest = text(one, "/sha256");
        vec![
            text(one, "/entry").to_owned(),
            text(one, "/path").to_owned(),
            tool,
            text(one, "/generated_at").to_owned(),
            text(one, "/status").to_owned(),
            count(one, "/findings/total").to_string(),
            if digest.is_empty() { String::new() } else { format!("sha256:{digest}") },
        ]
    };
    let looked = list(verdict, "/evidence").iter().filter(|one| text(one, "/status") != "ignored");
    page.push(Block::Table(
        vec!["for", "file", "tool", "made at", "status", "findings", "digest"],
        looked.map(row).collect(),
    ));
}

fn suppressions(verdict: &Value, page: &mut Vec<Block>) {
    let total: u64 = list(verdict, "/evidence").iter().map(|one| count(one, "/findings/suppressed")).sum();
    let shown = list(verdict, "/suppressed");
    if total == 0 && shown.is_empty() {
        return;
    }
    page.push(Block::Heading(3, "Suppressed by the scanners' own means".to_owned()));
    page.push(Block::Paragraph(format!(
        "{} by comments in the code or files of the scanners; secgate counts them apart.",
        plural(total.max(shown.len() as u64), "finding was suppressed")
            .replace("finding was suppresseds", "findings were suppressed")
    )));
    if !shown.is_empty() {
        let rows = shown.iter().take(MOST_ROWS).map(|finding| {
            let mut row = finding_row(finding);
            row.truncate(4);
            row
        });
        page.push(Block::Table(vec!["severity", "state", "finding", "where"], rows.collect()));
    }
}

/// What nobody looked at, so that silence is not taken for an answer.
fn not_looked_at(verdict: &Value, page: &mut Vec<Block>) {
    let mut points = Vec::new();
    for one in list(verdict, "/evidence") {
        let (status, message) = (text(one, "/status"), text(one, "/message"));
        let name = [text(one, "/path"), text(one, "/entry")].into_iter().find(|name| !name.is_empty());
        let name = name.unwrap_or("an entry");
        if status != "complete" {
            points.push(format!("{name}: {}. {message}", status.replace('_', " ")));
        }
        for problem in list(one, "/problems") {
            let (path, what) = (text(problem, "/path"), text(problem, "/message"));
            points.push(format!("{name}: {path} {what}"));
        }
    }
    for rule in list(verdict, "/rules").iter().filter(|rule| text(rule, "/outcome") == "not_applicable") {
        let message = text(rule, "/message");
        points.push(format!("rule {} did not apply. {message}", text(rule, "/id")));
    }
    let unmatched = count(verdict, "/unmatched");
    if unmatched > 0 {
        points.push(format!("{} that no rule asks about", plural(unmatched, "finding")));
    }
    if verdict.pointer("/base").is_none_or(Value::is_null) {
        points.push("nothing was compared with a base: every finding counts as new".to_owned());
    }
    page.push(Block::Heading(3, "Not looked at".to_owned()));
    if points.is_empty() {
        points.push("nothing that the policy names was left out".to_owned());
    }
    page.push(Block::Points(points));
}

fn controls(record: &AuditRecord, page: &mut Vec<Block>) {
    for framework in &record.frameworks {
        page.push(Block::Heading(2, format!("Controls: {}", framework.framework)));
        page.push(Block::Paragraph(format!(
            "Which rules are evidence of which control, by {}. A mapping is an argument, not a finding of an auditor: a rule \
             that passed shows what it looked at and no more.",
            framework.source
        )));
        let rows = framework.assess(record).into_iter().map(|control| {
            let rules: Vec<String> = control
                .rules
                .iter()
                .map(|rule| format!("{}/{} {}", rule.gate, rule.rule, rule.outcome))
                .collect();
            let state = control.outcome().to_owned();
            let rules =
                if rules.is_empty() { "no rule of these decisions".to_owned() } else { rules.join(", ") };
            vec![state, control.id, control.title, rules]
        });
        page.push(Block::Table(vec!["outcome", "control", "what it asks", "rules"], rows.collect()));
    }
}

fn verification(record: &AuditRecord, page: &mut Vec<Block>) {
    page.push(Block::Heading(2, "How to check this page".to_owned()));
    page.push(Block::Paragraph(
        "With the files that the page names, the public key or identity of the gate, and secgate in the version that is named, \
         without a network:"
            .to_owned(),
    ));
    let mut lines = Vec::new();
    for one in &record.decisions {
        let place = shell_word(&one.place);
        match one.proof {
            RecordProof::File => lines.push(format!("sha256sum {place}   # {}", one.sha256)),
            RecordProof::Bundle => {
                lines.push(format!("secgate verify --recompute {place}"));
            }
            RecordProof::Signed | RecordProof::Unchecked => {
                lines.push(format!(
                    "secgate verify {place} --key GATE.pub --verdict {}",
                    text(&one.verdict, "/verdict")
                ));
            }
        }
    }
    lines.dedup();
    page.push(Block::Commands(lines));
    page.push(Block::Paragraph(
        "`verify --recompute BUNDLE` derives the verdict of a bundle again, byte for byte; `verify FILE --key KEY` checks who \
         signed; both together show that the signed verdict is the one of this evidence."
            .replace('`', ""),
    ));
}

/// A name as a shell reads it as one word.
fn shell_word(name: &str) -> String {
    let safe =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '=' | ':' | '@' | '#');
    if !name.is_empty() && name.chars().all(safe) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', "'\\''"))
    }
}
