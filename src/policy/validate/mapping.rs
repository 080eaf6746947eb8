//! Mappings: every path compiled, every key in its place.

use std::collections::BTreeMap;

use super::super::error::{PolicyProblems, listed, nearest, quoted};
use super::super::mapping::{Field, FieldPath, Origin, ReportMapping};
use super::super::query::{DocumentPath, PathStepKind, QueryError};
use super::super::written::{self, At, Many, Name, Table};
use super::super::{EntryKind, EvidenceEntry};
use super::{LONGEST_ID, report_query};
use crate::finding::{Category, Severity};
use crate::policy::diagnostics::PolicyDiagnostic;

/// The mappings of a policy; those in files were read before, by the name of the file.
pub(super) fn mappings(
    written: Option<At<Table<written::ReportMapping>>>,
    files: &BTreeMap<String, Vec<ReportMapping>>,
    problems: &mut PolicyProblems,
) -> Vec<ReportMapping> {
    let table = written.map(|table| table.value.0).unwrap_or_default();
    table.into_iter().filter_map(|(name, m)| one(&name, m.value, Some(files), problems)).collect()
}

/// The mappings of a file of mappings.
pub(in super::super) fn in_file(
    written: written::MappingFile,
    problems: &mut PolicyProblems,
) -> Vec<ReportMapping> {
    let table = written.mappings.map(|table| table.value.0).unwrap_or_default();
    table.into_iter().filter_map(|(name, m)| one(&name, m.value, None, problems)).collect()
}

/// Entries name formats; what a mapping gives must be what the entry is about.
pub(super) fn fit(entries: &[EvidenceEntry], mappings: &[ReportMapping], problems: &mut PolicyProblems) {
    for entry in entries {
        let Some(mapping) = mappings.iter().find(|m| entry.format.as_ref() == Some(&m.id)) else { continue };
        if let EntryKind::Report(category) = entry.kind
            && category != mapping.category
        {
            let at = super::SourcePosition::at(entry.line, 1);
            problems.add(
                at,
                PolicyDiagnostic::MappingOfOtherCategory {
                    entry: quoted(&entry.name),
                    wanted: category,
                    mapping: quoted(&mapping.id),
                    is: mapping.category,
                },
            );
        }
    }
}

fn one(
    name: &At<Name>,
    written: written::ReportMapping,
    files: Option<&BTreeMap<String, Vec<ReportMapping>>>,
    problems: &mut PolicyProblems,
) -> Option<ReportMapping> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.value.chars().all(fits) || name.value.len() > LONGEST_ID {
        problems.add(name.at, PolicyDiagnostic::InvalidMappingName { shown: quoted(&name.value) });
        return None;
    }
    if let Some(file) = &written.file {
        if written.given.len() > 1 {
            problems.add(name.at, PolicyDiagnostic::MappingFileAndKeys);
        }
        return from_file(name, file, files, problems);
    }
    let mut missing = false;
    for key in ["category", "findings", "fields"] {
        if !written.given.contains(&key) {
            problems.add(
                name.at,
                PolicyDiagnostic::MissingKey { what: format!("the mapping {}", quoted(&name.value)), key },
            );
            missing = true;
        }
    }
    if missing {
        return None;
    }
    let category = written.category.as_ref().map(|c| c.value);
    let paths = Paths::from_written(&written, problems);
    let fields = fields(&written, category, problems);
    let optional = optional(&written, problems);
    let (words, absent) = severity(name, &written, problems);
    Some(ReportMapping {
        id: name.value.clone(),
        line: name.at.line,
        title: written.title.as_ref().map_or_else(|| name.value.clone(), |title| title.value.0.clone()),
        category: category?,
        tool: written.tool.map_or_else(|| name.value.clone(), |tool| tool.value),
        groups: paths.groups,
        findings: paths.findings?,
        lines: written.lines.as_ref().is_some_and(|lines| lines.value),
        looks_like: signs(written.looks_like.as_ref(), problems),
        presence: written.scanned.as_ref().is_some_and(is_whole_report),
        scanned: paths.scanned,
        suppressed: paths.suppressed,
        total: paths.total,
        completed: paths.completed,
        errors: paths.errors,
        generated_at: paths.generated_at,
        commit: paths.commit,
        image_digest: paths.image_digest,
        tool_version: paths.tool_version,
        words,
        missing: absent,
        fields,
        optional,
    })
}

/// The mapping of that name in a file that was read.
fn from_file(
    name: &At<Name>,
    file: &At<Name>,
    files: Option<&BTreeMap<String, Vec<ReportMapping>>>,
    problems: &mut PolicyProblems,
) -> Option<ReportMapping> {
    let Some(files) = files else {
        problems.add(file.at, PolicyDiagnostic::MappingFileInFile);
        return None;
    };
    // A file that could not be read was reported as such.
    let there = files.get(&file.value)?;
    let found = there.iter().find(|m| m.id == name.value);
    if found.is_none() {
        let known: Vec<&str> = there.iter().map(|m| m.id.as_str()).collect();
        let diagnostic = PolicyDiagnostic::UnknownMapping {
            file: quoted(&file.value),
            shown: quoted(&name.value),
            known: listed(&known),
        };
        problems.add_near(name.at, diagnostic, nearest(&name.value, &known));
    }
    found.map(|m| ReportMapping { line: name.at.line, ..m.clone() })
}

/// The paths of a mapping that are not parts of a finding.
struct Paths {
    groups: Option<DocumentPath>,
    findings: Option<Vec<DocumentPath>>,
    scanned: Option<DocumentPath>,
    suppressed: Vec<DocumentPath>,
    total: Vec<DocumentPath>,
    completed: Vec<(DocumentPath, Vec<String>)>,
    errors: Vec<DocumentPath>,
    generated_at: Option<DocumentPath>,
    commit: Option<DocumentPath>,
    image_digest: Option<DocumentPath>,
    tool_version: Option<DocumentPath>,
}

impl Paths {
    fn from_written(written: &written::ReportMapping, problems: &mut PolicyProblems) -> Self {
        let grouped = written.groups.is_some();
        let groups = written.groups.as_ref().and_then(|text| list(text, "groups", false, problems));
        let lists = written.findings.as_ref().map(|many| many.value.0.as_slice());
        let findings = lists.and_then(|texts| {
            let paths: Vec<_> = texts.iter().map(|text| list(text, "findings", grouped, problems)).collect();
            paths.into_iter().collect::<Option<Vec<_>>>().filter(|paths| !paths.is_empty())
        });
        if let (None, Some(At { at, .. })) = (&written.groups, &written.group_fields) {
            problems.add(*at, PolicyDiagnostic::GroupFieldsWithoutGroups);
        }
        let scanned = written.scanned.as_ref().filter(|text| !is_whole_report(text));
        let scanned = scanned.and_then(|text| whole(text, "scanned", problems));
        let suppressed = written.suppressed_findings.iter().flat_map(|many| &many.value.0);
        let suppressed =
            suppressed.filter_map(|text| list(text, "suppressed_findings", grouped, problems)).collect();
        let mut each = |many: &Option<At<Many<Name>>>, key| {
            let texts = many.iter().flat_map(|many| &many.value.0);
            texts.filter_map(|text| whole(text, key, problems)).collect()
        };
        let (errors, total) = (each(&written.errors, "errors"), each(&written.total, "total"));
        let statuses = written.completed.iter().flat_map(|table| &table.value.0);
        let status = |(path, words): &(At<Name>, At<Many<Name>>)| {
            let words = words.value.0.iter().map(|word| word.value.clone()).collect();
            Some((whole(path, "completed", problems)?, words))
        };
        let completed = statuses.filter_map(status).collect();
        let mut fact = |text: &Option<At<Name>>, key| {
            let path = text.as_ref().and_then(|t| whole(t, key, problems))?;
            singular(path, text.as_ref()?, key, problems)
        };
        Self {
            groups,
            findings,
            scanned,
            suppressed,
            total,
            completed,
            errors,
            generated_at: fact(&written.generated_at, "generated_at"),
            commit: fact(&written.commit, "commit"),
            image_digest: fact(&written.image_digest, "image_digest"),
            tool_version: fact(&written.tool_version, "tool_version"),
        }
    }
}

/// `$`, which is a path to the report itself.
fn is_whole_report(text: &At<Name>) -> bool {
    text.value.trim() == "$"
}

/// The signs by which reports are told, each of which is of one of the four shapes.
fn signs(written: Option<&At<Many<Name>>>, problems: &mut PolicyProblems) -> Vec<String> {
    let texts = written.map(|list| list.value.0.as_slice()).unwrap_or_default();
    for text in texts {
        let path = text.value.split('=').next().unwrap_or_default();
        let root = path.starts_with('<') && path.ends_with('>') && path.len() > 2;
        if text.value != "[]" && !root && path.split('.').any(|key| key.trim().is_empty()) {
            problems.add(text.at, PolicyDiagnostic::InvalidSign { shown: quoted(&text.value) });
        }
    }
    texts.iter().map(|text| text.value.clone()).collect()
}

/// A path from the report.
fn whole(text: &At<Name>, key: &str, problems: &mut PolicyProblems) -> Option<DocumentPath> {
    DocumentPath::compile(&text.value).map_err(|e| report_query(text, key, e, problems)).ok()
}

/// A path to all of a list; one that would leave some of it out in silence is refused.
fn list(text: &At<Name>, key: &str, grouped: bool, problems: &mut PolicyProblems) -> Option<DocumentPath> {
    let path = if grouped {
        DocumentPath::compile_relative(&text.value).map_err(|e| report_query(text, key, e, problems)).ok()?
    } else {
        whole(text, key, problems)?
    };
    let steps = path.steps();
    let refused = if steps.iter().any(|s| matches!(s.kind, PathStepKind::Index | PathStepKind::Slice)) {
        Some("an index leaves out the rest of the list")
    } else if !grouped && path.singular() {
        Some("the path finds one value, and is to find each finding")
    } else {
        None
    };
    if let Some(why) = refused {
        let error = QueryError {
            message: why.to_owned(),
            help: Some(format!(
                "`[*]` finds each of a list, as in {}.issues[*]",
                if grouped { '@' } else { '$' }
            )),
        };
        report_query(text, key, error, problems);
        return None;
    }
    Some(path)
}

/// A path that finds one value at most.
fn singular(
    path: DocumentPath,
    text: &At<Name>,
    key: &str,
    problems: &mut PolicyProblems,
) -> Option<DocumentPath> {
    if path.singular() {
        return Some(path);
    }
    let error = QueryError {
        message: "the path can find several values, and one is needed".to_owned(),
        help: Some("use names and indexes only, as in @.locations[0].file".to_owned()),
    };
    report_query(text, key, error, problems);
    None
}

/// The keys of `fields` and `group_fields` with what they hold.
fn keys(written: &written::MappingFields) -> [(Field, Option<&At<Many<Name>>>); 18] {
    [
        (Field::RuleId, written.rule_id.as_ref()),
        (Field::Severity, written.severity.as_ref()),
        (Field::Title, written.title.as_ref()),
        (Field::Path, written.path.as_ref()),
        (Field::Line, written.line.as_ref()),
        (Field::EndLine, written.end_line.as_ref()),
        (Field::Ids, written.ids.as_ref()),
        (Field::Cwes, written.cwes.as_ref()),
        (Field::Cvss, written.cvss.as_ref()),
        (Field::Package, written.package.as_ref()),
        (Field::Version, written.version.as_ref()),
        (Field::Fixed, written.fixed.as_ref()),
        (Field::Purl, written.purl.as_ref()),
        (Field::Confidence, written.confidence.as_ref()),
        (Field::Target, written.target.as_ref()),
        (Field::Identity, written.identity.as_ref()),
        (Field::Suppressed, written.suppressed.as_ref()),
        (Field::Verified, written.verified.as_ref()),
    ]
}

/// Parts that mean nothing without another.
const WITH: [(Field, Field); 5] = [
    (Field::Line, Field::Path),
    (Field::EndLine, Field::Line),
    (Field::Version, Field::Package),
    (Field::Purl, Field::Package),
    (Field::Fixed, Field::Package),
];

fn fields(
    written: &written::ReportMapping,
    category: Option<Category>,
    problems: &mut PolicyProblems,
) -> Vec<(Field, Vec<FieldPath>)> {
    let own = written.fields.iter().map(|f| (&f.value, Origin::Finding));
    let groups = written.group_fields.iter().map(|f| (&f.value, Origin::Group));
    let mut all: Vec<(Field, Vec<FieldPath>)> = Vec::new();
    let mut given: Vec<Field> = Vec::new();
    for (table, origin) in own.chain(groups) {
        for (field, texts) in keys(table).into_iter().filter_map(|(field, texts)| Some((field, texts?))) {
            // What tells a finding apart may stand in both.
            let before = given.contains(&field);
            if before && field != Field::Identity {
                problems.add(texts.at, PolicyDiagnostic::FieldGivenTwice { field: field.as_str() });
            }
            given.push(field);
            secret(field, texts, category, problems);
            let paths: Vec<FieldPath> =
                texts.value.0.iter().filter_map(|text| field_path(field, text, origin, problems)).collect();
            match all.iter_mut().find(|(known, _)| before && *known == field) {
                Some((_, known)) => known.extend(paths),
                None => all.push((field, paths)),
            }
        }
    }
    let Some(At { at, value: table }) = &written.fields else { return all };
    let has = |field: Field| given.contains(&field) || table.given.contains(&field.as_str());
    if !has(Field::RuleId) {
        problems.add(*at, PolicyDiagnostic::FieldsWithoutRule);
    }
    for (field, other) in WITH.iter().filter(|(field, other)| has(*field) && !has(*other)) {
        problems
            .add(*at, PolicyDiagnostic::FieldWithoutOther { field: field.as_str(), other: other.as_str() });
    }
    all
}

/// Text about a secret may hold its value.
fn secret(field: Field, texts: &At<Many<Name>>, category: Option<Category>, problems: &mut PolicyProblems) {
    if category == Some(Category::Secret) {
        if matches!(
            field,
            Field::Title
                | Field::Ids
                | Field::Package
                | Field::Version
                | Field::Fixed
                | Field::Purl
                | Field::Identity
        ) {
            problems.add(texts.at, PolicyDiagnostic::FieldOfASecret { field: field.as_str() });
        }
    } else if field == Field::Verified {
        problems.add(texts.at, PolicyDiagnostic::VerifiedWithoutSecret);
    }
}

fn field_path(
    field: Field,
    text: &At<Name>,
    origin: Origin,
    problems: &mut PolicyProblems,
) -> Option<FieldPath> {
    let key = field.as_str();
    let compiled = if text.value.starts_with('$') {
        DocumentPath::compile(&text.value).map(|path| FieldPath { origin: Origin::Report, path })
    } else {
        DocumentPath::compile_relative(&text.value).map(|path| FieldPath { origin, path })
    };
    let path = compiled.map_err(|e| report_query(text, key, e, problems)).ok()?;
    if field.is_list() {
        return Some(path);
    }
    singular(path.path, text, key, problems).map(|path_| FieldPath { origin: path.origin, path: path_ })
}

/// Keys whose paths may find nothing.
fn optional(written: &written::ReportMapping, problems: &mut PolicyProblems) -> Vec<&'static str> {
    let mut known: Vec<&'static str> =
        vec!["findings", "errors", "total", "generated_at", "commit", "image_digest", "tool_version"];
    known.retain(|key| written.given.contains(key));
    for table in [&written.fields, &written.group_fields].into_iter().flatten() {
        known.extend(table.value.given.iter().filter(|key| **key != Field::RuleId.as_str()));
    }
    let words = written.optional.as_ref().map(|list| list.value.0.as_slice()).unwrap_or_default();
    let mut optional = Vec::new();
    for word in words {
        match known.iter().find(|key| **key == word.value) {
            Some(key) => optional.push(*key),
            None if word.value == Field::RuleId.as_str() => {
                problems.add(word.at, PolicyDiagnostic::OptionalRule);
            }
            None => problems.unknown(
                word.at,
                PolicyDiagnostic::UnknownOptionalKey { shown: quoted(&word.value) },
                &word.value,
                &known,
            ),
        }
    }
    optional
}

fn severity(
    name: &At<Name>,
    written: &written::ReportMapping,
    problems: &mut PolicyProblems,
) -> (Vec<(String, Severity)>, Severity) {
    let given = written.severity.as_ref().map(|s| &s.value);
    let missing = given.and_then(|s| s.missing.as_ref()).map(|level| level.value);
    let table = given.and_then(|s| s.words.as_ref()).map(|t| t.value.0.as_slice()).unwrap_or_default();
    let mut words: Vec<(String, Severity)> = Vec::new();
    for (word, level) in table {
        if words.iter().any(|(known, _)| known.eq_ignore_ascii_case(&word.value)) {
            problems.add(word.at, PolicyDiagnostic::DuplicateSeverityWord { shown: quoted(&word.value) });
        }
        words.push((word.value.clone(), level.value));
    }
    let path = [&written.fields, &written.group_fields].into_iter().flatten().any(|fields| {
        let given = &fields.value.given;
        given.contains(&Field::Severity.as_str()) || given.contains(&Field::Cvss.as_str())
    });
    if !path && !words.is_empty() {
        problems.add(name.at, PolicyDiagnostic::SeverityWordsWithoutPath);
    }
    let broken = written.given.contains(&"severity") && given.is_none_or(|s| s.given.contains(&"missing"));
    if !path && missing.is_none() && !broken {
        problems.add(name.at, PolicyDiagnostic::MappingWithoutSeverity { shown: quoted(&name.value) });
    }
    (words, missing.unwrap_or(Severity::Unknown))
}
