//! The policy's text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::gitlab_scans::GitlabScan;
use super::pipeline::Pipeline;
use super::script::{Script, ScriptThreshold};
use super::survey::Survey;
use super::{double_quoted, list, quoted, scanner};
use crate::finding::{Category, clean_line};
use crate::gather::NearbyReport;
use crate::policy::Action;

/// The entry, and the beginning of the rules, of lines that were not converted.
const NOT_CONVERTED: &str = "not-converted";

/// A policy that is about to be written.
#[derive(Debug, Default)]
pub struct Draft {
    entries: Vec<EntryDraft>,
    rules: Vec<RuleDraft>,
    title: String,
    head: Vec<String>,
    /// GitLab user names of those who approve a review.
    reviewers: Vec<String>,
    /// The script that the thresholds are of, and its lines that became no rule of their own.
    not_converted: Vec<(u64, String)>,
    script: String,
}

/// An evidence entry.
#[derive(Debug, Clone)]
pub(super) struct EntryDraft {
    pub(super) name: String,
    category: Category,
    image: bool,
    pub(super) files: Vec<String>,
    format: Option<&'static str>,
    pub(super) scanner: Option<scanner::Scanner>,
    required: bool,
    /// Its purpose, and why it is here.
    why: String,
}

#[derive(Debug)]
struct RuleDraft {
    id: String,
    title: String,
    findings: String,
    allow: u64,
    then: Action,
    waivable: bool,
    fix: &'static str,
    why: Vec<String>,
}

impl Draft {
    /// Lines of `severity.map` that the scanners need.
    fn corrections(&self) -> Vec<&'static str> {
        let by = |program: &str, file: &str| {
            self.entries.iter().any(|entry| {
                entry.scanner.as_ref().is_some_and(|s| s.argv.first().is_some_and(|first| first == program))
                    || entry.files.iter().any(|name| name.contains(file))
            })
        };
        let mut lines = Vec::new();
        if by("checkov", "checkov") {
            lines
                .push("{tool: checkov, severity: unknown, as: medium}     # Checkov rates nothing by itself");
        }
        if self.script.is_empty() && by("semgrep", "semgrep") {
            lines.push(
                "{tool: semgrep, rule_id: \"*generic.secrets.*\", category: secret}     # these find secrets",
            );
        }
        lines
    }

    /// Lines of the script that became no rule of their own, as the document that the rules about them look at.
    pub fn not_converted(&self) -> Option<String> {
        let line = |(line, why): &(u64, String)| serde_json::json!({"line": line, "why": clean_line(why)});
        let lines: Vec<serde_json::Value> = self.not_converted.iter().map(line).collect();
        let document = serde_json::json!({"script": clean_line(&self.script), "not_converted": lines});
        (!lines.is_empty()).then(|| format!("{document:#}\n"))
    }

    /// A rule for each line that was not converted, which fails until a person has replaced it: a check of the script
    /// is never lost without a word.
    fn write_not_converted(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut lines: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
        for (line, why) in &self.not_converted {
            lines.entry(*line).or_default().push(why);
        }
        let script = clean_line(&self.script);
        for (line, why) in lines {
            let title = format!("{script} line {line} is not converted: {}", why.join("; "));
            let fix = format!(
                "Write a rule for line {line} of {script} or decide that it is not needed; then remove this rule."
            );
            writeln!(f, "\n  - id: {NOT_CONVERTED}-line-{line}\n    title: {}", double_quoted(&title))?;
            // Whatever the document holds: nothing but an edit of this policy ends the failure.
            writeln!(
                f,
                "    document: {{name: {NOT_CONVERTED}, require: {{$.script: present}}, forbid: $.script}}      # never holds"
            )?;
            writeln!(f, "    then: fail\n    waivable: false")?;
            writeln!(f, "    fix: {}", double_quoted(&fix))?;
        }
        Ok(())
    }

    /// Says who approves a review, by their GitLab user names.
    #[must_use]
    pub fn reviewed_by(self, users: &[String]) -> Self {
        let named = |user: &String| format!("@{}", user.trim_start_matches('@'));
        Self { reviewers: users.iter().map(named).collect(), ..self }
    }

    pub(super) fn entries(&self) -> &[EntryDraft] {
        &self.entries
    }
}

/// Subject of an entry: its name, category, an image or not.
struct EvidenceKind {
    name: &'static str,
    category: Category,
    image: bool,
    /// Description for people.
    is: &'static str,
    /// The scanner where nothing else is known, and the file that it writes here.
    format: &'static str,
    file: &'static [&'static str],
}

const KINDS: &[EvidenceKind] = &[
    EvidenceKind {
        name: "sast",
        category: Category::Sast,
        image: false,
        is: "weaknesses in our own code",
        format: "semgrep",
        file: &["semgrep.json"],
    },
    EvidenceKind {
        name: "secrets",
        category: Category::Secret,
        image: false,
        is: "credentials in the repository",
        format: "gitleaks",
        file: &["gitleaks.json"],
    },
    EvidenceKind {
        name: "deps",
        category: Category::Vulnerability,
        image: false,
        is: "known vulnerabilities of what we use",
        format: "trivy",
        file: &["trivy-fs.json"],
    },
    EvidenceKind {
        name: "image",
        category: Category::Vulnerability,
        image: true,
        is: "known vulnerabilities of the image",
        format: "trivy",
        file: &["trivy-image.json"],
    },
    EvidenceKind {
        name: "iac",
        category: Category::Misconfiguration,
        image: false,
        is: "unsafe infrastructure and containers",
        format: "trivy-config",
        file: &["trivy-config.json"],
    },
    EvidenceKind {
        name: "api",
        category: Category::Contract,
        image: false,
        is: "the API's description",
        format: "spectral",
        file: &["spectral.json"],
    },
    EvidenceKind {
        name: "dast",
        category: Category::Dast,
        image: false,
        is: "weaknesses of the running application",
        format: "zap",
        file: &["zap.json"],
    },
    EvidenceKind {
        name: "quality",
        category: Category::Quality,
        image: false,
        is: "tests and the quality gate",
        format: "junit",
        file: &["junit.xml"],
    },
];

/// A policy for what a repository holds.
pub fn of_survey(survey: &Survey) -> Draft {
    let mut draft = Draft { title: "Merge-request gate".to_owned(), ..Draft::default() };
    for kind in KINDS {
        let of_kind = |saved: &&NearbyReport| saved.category == kind.category && saved.image == kind.image;
        let saved: Vec<&NearbyReport> = survey.saved.iter().filter(of_kind).collect();
        let reason = reason(kind, survey);
        let scanned = survey
            .pipeline
            .as_ref()
            .is_some_and(|p| p.scanner(kind.name).is_some() || gitlab_scan(p, kind.name).is_some());
        if saved.is_empty() && reason.is_none() && !scanned {
            continue;
        }
        // An entry is there as soon as one of its files is; so that no tool goes missing unseen, each has its own.
        let formats: BTreeSet<&str> = saved.iter().map(|saved| saved.format.as_str()).collect();
        let mut names = Vec::new();
        let mut add = |saved: &[&NearbyReport], name: String| {
            draft
                .entries
                .push(EntryDraft { name: name.clone(), ..entry(kind, saved, reason.clone(), survey) });
            names.push(name);
        };
        match formats.len() {
            0 | 1 => add(&saved, kind.name.to_owned()),
            _ => {
                for format in formats {
                    let of_format = |saved: &&&NearbyReport| saved.format == format;
                    let saved: Vec<&NearbyReport> = saved.iter().filter(of_format).copied().collect();
                    add(&saved, format!("{}-{format}", kind.name));
                }
            }
        }
        draft.rules.push(rule_of(kind, &names));
        if kind.name == "secrets" {
            draft.rules.push(old_secrets());
        }
    }
    if draft.entries.iter().any(|entry| entry.category == Category::Vulnerability) {
        draft.rules.push(disclosed_since());
    }
    draft.head.push(
        "What stops a merge request here: see `secgate explain`, `secgate policy lint`, `secgate check`."
            .to_owned(),
    );
    draft
}

/// Why a repository needs an entry of a kind, although no report of it was found.
fn reason(kind: &EvidenceKind, survey: &Survey) -> Option<String> {
    let some = |files: &[String]| match files {
        [] => None,
        [one] => Some(one.clone()),
        [first, rest @ ..] => Some(format!("{first} and {} more", rest.len())),
    };
    match kind.name {
        "sast" if !survey.languages.is_empty() => {
            Some(survey.languages.iter().copied().collect::<Vec<_>>().join(", "))
        }
        "secrets" => Some("every repository can hold some".to_owned()),
        "deps" => some(&survey.locks),
        "image" => some(&survey.docker),
        "iac" => some(&[survey.kubernetes.as_slice(), &survey.terraform, &survey.docker].concat()),
        "api" => some(&survey.openapi),
        _ => None,
    }
}

fn entry(
    kind: &EvidenceKind,
    saved: &[&NearbyReport],
    reason: Option<String>,
    survey: &Survey,
) -> EntryDraft {
    let mut files: Vec<String> = saved.iter().map(|saved| saved.path.clone()).collect();
    let mut format = saved.first().map_or(kind.format, |saved| saved.format.as_str());
    if saved.is_empty() {
        files = kind.file.iter().map(|file| (*file).to_owned()).collect();
        if let Some((known, report)) = survey.pipeline.as_ref().and_then(|p| p.scanner(kind.name)) {
            format = known.format;
            files = vec![report.unwrap_or_else(|| {
                if known.format == kind.format { files.concat() } else { format!("{}.json", known.format) }
            })];
        } else if kind.name == "secrets" && survey.detect_secrets {
            (format, files) = ("detect-secrets", vec!["secrets.json".to_owned()]);
        }
    }
    if kind.name == "iac" && format == "trivy" {
        format = "trivy-config";
    }
    // What GitLab's own scan leaves is the evidence, and no second scanner is started beside it.
    let of_gitlab = survey.pipeline.as_ref().and_then(|p| gitlab_scan(p, kind.name));
    if let Some(scan) = of_gitlab {
        if saved.is_empty() {
            files.clear();
        }
        files.retain(|file| file != scan.report);
        files.insert(0, scan.report.to_owned());
    }
    let scanner = match survey.pipeline.as_ref().and_then(|p| p.command(kind.name)) {
        _ if of_gitlab.is_some() => None,
        // The job's own arguments; a line that is more than words is left to whoever reads the policy. A report of
        // another scanner than the job's has a command of its own.
        Some((known, words)) if saved.is_empty() || known.format == format => {
            words.map(|argv| scanner::Scanner { argv, from: scanner::ScannerInput::Project })
        }
        _ => scanner::command_for(format, kind.image, survey),
    };
    let one_format = saved.iter().all(|other| other.format == format);
    EntryDraft {
        name: kind.name.to_owned(),
        category: kind.category,
        image: kind.image,
        // An empty list of Spectral's looks like one of many others.
        format: (format == "spectral" && one_format).then_some("spectral"),
        scanner,
        required: !kind.image
            || !saved.is_empty()
            || of_gitlab.is_some()
            || survey.pipeline.as_ref().is_some_and(|p| !p.leaving(&files).is_empty()),
        why: reason.map_or_else(|| kind.is.to_owned(), |reason| format!("{}: {reason}", kind.is)),
        files,
    }
}

/// GitLab's own scan for a kind of evidence.
fn gitlab_scan(pipeline: &Pipeline, kind: &str) -> Option<&'static GitlabScan> {
    pipeline.gitlab_scans().into_iter().find(|scan| scan.kind == kind)
}

fn plain_rule(id: &str, title: &str, findings: &str, fix: &'static str) -> RuleDraft {
    RuleDraft {
        id: id.to_owned(),
        title: title.to_owned(),
        findings: findings.to_owned(),
        allow: 0,
        then: Action::Fail,
        waivable: true,
        fix,
        why: Vec::new(),
    }
}

/// Consequence of the evidence of a kind; `names` are its entries.
fn rule_of(kind: &EvidenceKind, names: &[String]) -> RuleDraft {
    let evidence = match names {
        [one] => one.clone(),
        _ => list(names),
    };
    match kind.name {
        "secrets" => plain_rule(
            "no-secrets",
            "New secrets",
            "{category: secret, state: new}",
            "Revoke the credential, then remove it from history; if it is none, say so in a waiver.",
        ),
        "sast" => plain_rule(
            "sast-high",
            "New weaknesses of high severity",
            "{category: sast, severity: high, state: new}",
            "Correct the code; if the scanner is wrong, say so in a waiver.",
        ),
        "deps" => plain_rule(
            "dependency-delta",
            "New dependencies with vulnerabilities of high severity",
            &format!("{{category: vulnerability, severity: high, state: new, evidence: {evidence}}}"),
            "Take a version that is not affected, or another package.",
        ),
        "image" => plain_rule(
            "image-critical",
            "New critical vulnerabilities in the image that have a fix",
            &format!(
                "{{category: vulnerability, severity: critical, fix: available, state: new, evidence: {evidence}}}"
            ),
            "Rebuild on a base image and with packages that hold the fix.",
        ),
        "iac" => plain_rule(
            "iac-high",
            "New misconfigurations of high severity",
            "{category: misconfiguration, severity: high, state: new}",
            "Change the setting as the scanner says.",
        ),
        "api" => plain_rule(
            "api-description",
            "New errors in the API's description",
            "{category: contract, severity: high, state: new}",
            "Correct the description.",
        ),
        "dast" => plain_rule(
            "dast-high",
            "New weaknesses of high severity in the running application",
            "{category: dast, severity: high, state: new}",
            "Correct the application.",
        ),
        _ => plain_rule(
            "quality",
            "Failed tests and quality gates",
            "{category: quality, severity: high, state: new}",
            "See the report.",
        ),
    }
}

fn old_secrets() -> RuleDraft {
    RuleDraft {
        then: Action::Warn,
        why: vec![
            "An old secret is as good as a new one to whoever finds it: once they are revoked, make this `then: fail`."
                .to_owned(),
        ],
        ..plain_rule(
            "old-secrets",
            "Secrets that were there before",
            "{category: secret, state: existing}",
            "Revoke the credential, then remove it from history.",
        )
    }
}

fn disclosed_since() -> RuleDraft {
    RuleDraft {
        then: Action::Warn,
        why: vec!["This change did not cause them, so they do not block it.".to_owned()],
        ..plain_rule(
            "disclosed-since",
            "Critical vulnerabilities disclosed since the base",
            "{category: vulnerability, severity: critical, state: newly_disclosed}",
            "Update in a change of its own.",
        )
    }
}

/// The command that makes the report that a script counts in: of the project's job, or that of the scanner. No job is made
/// of it, because the script has its report from one.
fn scanner_of_script(condition: &ScriptThreshold, survey: &Survey) -> Option<scanner::Scanner> {
    let kind = KINDS.iter().find(|k| k.category == condition.category && k.image == condition.image)?;
    let argv = match survey.pipeline.as_ref().and_then(|pipeline| pipeline.command(kind.name)) {
        Some((_, words)) => words?,
        None => scanner::command_for(condition.format?, condition.image, survey)?.argv,
    };
    Some(scanner::Scanner { argv, from: scanner::ScannerInput::Project })
}

/// A policy with the thresholds of a script.
pub fn of_script(script: &Script, name: &str, survey: &Survey) -> Draft {
    let mut draft = Draft { title: "security gate".to_owned(), ..Draft::default() };
    draft.head = vec![
        format!(
            "The thresholds of {}, converted. What the script did not do: a report that is missing, cut off,",
            clean_line(name)
        ),
        "of another shape or of a scan that failed stops the gate, where a count would have been empty."
            .to_owned(),
    ];
    for condition in &script.conditions {
        let at = draft.entries.iter().position(|entry| {
            entry.category == condition.category
                && entry.image == condition.image
                && entry.files.contains(&condition.file)
        });
        if at.is_none() {
            let name = free_name(&draft.entries, condition);
            draft.entries.push(EntryDraft {
                name,
                category: condition.category,
                image: condition.image,
                files: vec![condition.file.clone()],
                format: (condition.format == Some("spectral")).then_some("spectral"),
                scanner: scanner_of_script(condition, survey),
                required: true,
                why: format!("line {}", condition.line),
            });
        }
    }
    let mut taken = BTreeSet::new();
    for condition in &script.conditions {
        let rule = converted(condition, &draft.entries, &mut taken);
        draft.rules.push(rule);
    }
    draft.not_converted.clone_from(&script.left);
    name.clone_into(&mut draft.script);
    draft
}

fn free_name(entries: &[EntryDraft], condition: &ScriptThreshold) -> String {
    let kind = KINDS.iter().find(|kind| kind.category == condition.category && kind.image == condition.image);
    let base = kind.map_or("report", |kind| kind.name);
    let name = (1..).map(|n| if n == 1 { base.to_owned() } else { format!("{base}-{n}") });
    name.take(10_000).find(|name| entries.iter().all(|entry| entry.name != *name)).unwrap_or_default()
}

fn converted(condition: &ScriptThreshold, entries: &[EntryDraft], taken: &mut BTreeSet<String>) -> RuleDraft {
    let mut findings = format!("category: {}", condition.category);
    if let Some(severity) = condition.severity {
        let _ = write!(findings, ", severity: {severity}");
    }
    if condition.fix {
        findings.push_str(", fix: available");
    }
    let of_category = entries.iter().filter(|entry| entry.category == condition.category).count();
    let own = entries.iter().find(|entry| {
        entry.category == condition.category
            && entry.image == condition.image
            && entry.files.contains(&condition.file)
    });
    if let (true, Some(own)) = (of_category > 1, own) {
        let _ = write!(findings, ", evidence: {}", own.name);
    }
    // Whatever its state, as in the script.
    findings.push_str(", state: [new, existing, newly_disclosed]");
    let mut id = condition.id.clone();
    for n in 2..10_000 {
        if taken.insert(id.clone()) {
            break;
        }
        id = format!("{}-{n}", condition.id);
    }
    let mut why = vec![format!("line {}: {}", condition.line, clean_line(&condition.was))];
    why.extend(condition.notes.iter().map(|note| clean_line(note).into_owned()));
    RuleDraft {
        title: condition.title.clone(),
        findings: format!("{{{findings}}}"),
        allow: condition.allow,
        then: condition.then,
        waivable: true,
        fix: "",
        why,
        id,
    }
}

impl std::fmt::Display for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for line in &self.head {
            writeln!(f, "# {line}")?;
        }
        writeln!(
            f,
            "version: 1\ngate: merge                     # waivers name the rules below as merge/RULE"
        )?;
        writeln!(f, "title: {}", quoted(&self.title))?;
        writeln!(
            f,
            "enforcement: blocking           # \"advisory\" says the same verdict and lets the job pass\n"
        )?;
        writeln!(
            f,
            "# What a change is compared with. Without one of these every finding counts as new, and the gate says so.\n\
             # `unchanged_lines`: what a diff alone says of lines that a change leaves alone in a file that it touches.\n\
             base: {{from: [base-report, baseline, diff], without: warn, unchanged_lines: existing}}\n"
        )?;
        writeln!(
            f,
            "# Required evidence, and its files. `run` is what `secgate scan` starts before a push."
        )?;
        writeln!(f, "evidence:")?;
        for entry in &self.entries {
            write_entry(f, entry)?;
        }
        // What the component's job fetches.
        writeln!(
            f,
            "  # Answers of GitLab's API, which the job fetches: who approved which version, and whose it is."
        )?;
        for name in ["approvals", "versions", "merge-request", "commits"] {
            writeln!(f, "  {name}: {{document: gitlab-{name}, files: [{name}.json], required: false}}")?;
        }
        if !self.not_converted.is_empty() {
            writeln!(
                f,
                "  # Lines of the script that became no rule. Take it away with the last of the rules that name it."
            )?;
            writeln!(f, "  {NOT_CONVERTED}: {{document: json, files: [{}]}}", super::NOT_CONVERTED_FILE)?;
        }
        let corrections = self.corrections();
        if !corrections.is_empty() {
            writeln!(
                f,
                "\nseverity:\n  map:{:26}# corrections; the first line that fits a finding is used",
                ""
            )?;
            for line in corrections {
                writeln!(f, "    - {line}")?;
            }
        }
        writeln!(
            f,
            "\n# Exceptions, each with an owner, a second person who approved it, and a last day. The file need not exist."
        )?;
        writeln!(f, "waivers: {{files: [.secgate/waivers.yaml], max_duration: 90d}}\n")?;
        let people = "any_of: [\"role:appsec\"], at_least: 1, not: [author]";
        if self.reviewers.is_empty() {
            writeln!(
                f,
                "# Who approves what ends in a review, such as an empty scan. Put GitLab user names in and take the # away."
            )?;
            writeln!(f, "# reviewers: {{{people}}}")?;
            writeln!(f, "# people: {{appsec: [\"@you\", \"@somebody-else\"]}}\n")?;
        } else {
            writeln!(
                f,
                "# Who approves what ends in a review, such as an empty scan, and not the author of the change."
            )?;
            writeln!(f, "reviewers: {{{people}}}")?;
            writeln!(f, "people: {{appsec: {}}}\n", list(&self.reviewers))?;
        }
        writeln!(
            f,
            "# \"severity: high\" means high or worse.{}",
            if self.script.is_empty() {
                " \"state: new\" means introduced by this change."
            } else {
                "\n# As in the script, old findings count, too: leave only \"state: new\" in the findings of a rule that\n\
                 # should stop only what a change introduces."
            }
        )?;
        writeln!(f, "rules:")?;
        for (index, rule) in self.rules.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write_rule(f, rule)?;
        }
        self.write_not_converted(f)
    }
}

fn write_entry(f: &mut std::fmt::Formatter<'_>, entry: &EntryDraft) -> std::fmt::Result {
    writeln!(
        f,
        "  {}:{:width$}# {}",
        entry.name,
        "",
        clean_line(&entry.why),
        width = 29_usize.saturating_sub(entry.name.len())
    )?;
    writeln!(f, "    category: {}", entry.category)?;
    writeln!(f, "    files: {}", list(&entry.files))?;
    if let Some(format) = entry.format {
        writeln!(f, "    format: {format}")?;
    }
    if entry.image {
        writeln!(f, "    target: image")?;
    }
    if !entry.required {
        writeln!(
            f,
            "    required: false             # take this line away once the pipeline scans the image first"
        )?;
    }
    if let Some(scanner) = &entry.scanner {
        writeln!(f, "    run: {}", list(&scanner.argv))?;
    }
    Ok(())
}

fn write_rule(f: &mut std::fmt::Formatter<'_>, rule: &RuleDraft) -> std::fmt::Result {
    for line in &rule.why {
        writeln!(f, "  # {line}")?;
    }
    writeln!(f, "  - id: {}", quoted(&rule.id))?;
    writeln!(f, "    title: {}", quoted(&rule.title))?;
    writeln!(f, "    findings: {}", rule.findings)?;
    if rule.allow > 0 {
        writeln!(f, "    allow: {}", rule.allow)?;
    }
    writeln!(
        f,
        "    then: {}",
        match rule.then {
            Action::Fail => "fail",
            Action::Review => "review",
            Action::Warn => "warn",
        }
    )?;
    if !rule.waivable {
        writeln!(f, "    waivable: false")?;
    }
    if !rule.fix.is_empty() {
        writeln!(f, "    fix: {}", rule.fix)?;
    }
    Ok(())
}
