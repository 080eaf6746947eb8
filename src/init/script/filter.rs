//! Counts by a `jq` filter or a `grep`. Everything of it must be understood; half of it would be another threshold.

use crate::finding::{Category, Severity};

/// Reports and findings that are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FilterCount {
    pub(super) file: String,
    pub(super) format: Option<&'static str>,
    pub(super) category: Category,
    pub(super) severity: Option<Severity>,
    pub(super) image: bool,
    pub(super) fix: bool,
    pub(super) notes: Vec<String>,
}

/// How a report is known by what is asked of it: what must stand in the filter, in the file's name, the format, and the
/// category (`None`: the name of the file tells).
struct ReportShape(&'static str, &'static str, &'static str, Option<Category>);

const SHAPES: &[ReportShape] = &[
    ReportShape(".Vulnerabilities", "", "trivy", Some(Category::Vulnerability)),
    ReportShape(".Misconfigurations", "", "trivy", Some(Category::Misconfiguration)),
    ReportShape(".Secrets", "", "trivy", Some(Category::Secret)),
    ReportShape(".matches", "", "grype", Some(Category::Vulnerability)),
    ReportShape(".runs", "", "sarif", None),
    ReportShape(".issue_severity", "", "bandit", Some(Category::Sast)),
    ReportShape(".extra.", "", "semgrep", Some(Category::Sast)),
    ReportShape(".results", "semgrep", "semgrep", Some(Category::Sast)),
    ReportShape(".results", "bandit", "bandit", Some(Category::Sast)),
    ReportShape(".failed_checks", "", "checkov", Some(Category::Misconfiguration)),
    ReportShape(".results", "secret", "detect-secrets", Some(Category::Secret)),
    ReportShape(".findings", "", "generic-secrets", Some(Category::Secret)),
    ReportShape(".metadata.vulnerabilities", "", "npm-audit", Some(Category::Vulnerability)),
    ReportShape(".vulnerabilities", "", "gitlab", None),
    ReportShape(".Issues", "", "gosec", Some(Category::Sast)),
    ReportShape(".alerts", "", "zap", Some(Category::Dast)),
    ReportShape("", "gitleaks", "gitleaks", Some(Category::Secret)),
    ReportShape("", "leaks", "gitleaks", Some(Category::Secret)),
    ReportShape("", "spectral", "spectral", Some(Category::Contract)),
    ReportShape("", "secret", "", Some(Category::Secret)),
];

/// Words of file names that tell a category.
const NAMES: &[(&str, Category)] = &[
    ("secret", Category::Secret),
    ("leak", Category::Secret),
    ("container", Category::Vulnerability),
    ("image", Category::Vulnerability),
    ("depend", Category::Vulnerability),
    ("trivy", Category::Vulnerability),
    ("grype", Category::Vulnerability),
    ("osv", Category::Vulnerability),
    ("checkov", Category::Misconfiguration),
    ("kics", Category::Misconfiguration),
    ("tfsec", Category::Misconfiguration),
    ("iac", Category::Misconfiguration),
    ("dast", Category::Dast),
    ("zap", Category::Dast),
    ("sast", Category::Sast),
    ("semgrep", Category::Sast),
    ("bandit", Category::Sast),
    ("codeql", Category::Sast),
    ("gosec", Category::Sast),
];

/// Keys and words of `jq` that say nothing about what is counted.
const SILENT: &[&str] = &[
    "results",
    "Results",
    "Vulnerabilities",
    "Misconfigurations",
    "Secrets",
    "matches",
    "vulnerability",
    "runs",
    "findings",
    "vulnerabilities",
    "Issues",
    "issues",
    "site",
    "alerts",
    "failed_checks",
    "metadata",
    "extra",
    "severity",
    "Severity",
    "level",
    "issue_severity",
    "riskcode",
    "length",
    "select",
    "map",
    "or",
    "flatten",
    "add",
    "ascii_downcase",
    "ascii_upcase",
    "test",
    "IN",
    "index",
    "inside",
    "any",
    "empty",
    "i",
    "values",
    "fix",
    "state",
    // What is shown of each finding.
    "check_id",
    "test_id",
    "ruleId",
    "RuleID",
    "VulnerabilityID",
    "hashed_secret",
    // The findings of detect-secrets lie in lists by file.
    "to_entries",
    "key",
    "value",
    "keys",
    "map_values",
];

/// Count that a command makes; `None` where it makes none.
pub(super) fn count(command: &str) -> Option<Result<FilterCount, String>> {
    // A count that failed was taken for 0; nothing here is.
    let (command, hides) = match command.split_once(" || ") {
        Some((command, _)) => (command, true),
        None => (command, command.contains("2>/dev/null")),
    };
    let words = without_redirections(words(command));
    let at = words.iter().position(|word| word.ends_with("jq") || word.ends_with("grep"))?;
    let read = if words.get(at).is_some_and(|word| word.ends_with("grep")) {
        grep(&words, at)
    } else {
        jq(&words, at)
    };
    Some(read.map(|mut counted| {
        if hides {
            counted.notes.push("a count that failed was 0 to the script; here it is not a pass".to_owned());
        }
        counted
    }))
}

/// Whether a command asks whether there is something, and says it by its exit code.
pub(super) fn is_question(command: &str) -> bool {
    let words = words(command);
    let flag = |letter: char| {
        words.iter().any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains(letter))
    };
    match words.first().map(String::as_str) {
        Some("jq") => flag('e') || words.iter().any(|word| word == "--exit-status"),
        Some("grep") => true,
        _ => false,
    }
}

/// A question by exit code, `jq -e '… | length > 0' FILE` or `grep -q WORD FILE`: what is counted, and when it holds.
pub(super) fn question(command: &str) -> Option<(Result<FilterCount, String>, String, u64)> {
    if !is_question(command) {
        return None;
    }
    let mut words = without_redirections(words(command));
    let more_than_none = (">".to_owned(), 0);
    if words.first().is_some_and(|word| word == "grep") {
        return Some((grep(&words, 0), more_than_none.0, more_than_none.1));
    }
    let filter = words.iter_mut().skip(1).find(|word| !word.starts_with('-'))?;
    let (operator, number) = match filter.rsplit_once("length") {
        Some((before, after)) => {
            let compared = after.trim_start_matches(|c: char| c == ')' || c.is_whitespace()).to_owned();
            let digits = compared.trim_start_matches(['>', '<', '=', '!']).trim();
            let operator = compared.strip_suffix(digits).unwrap_or_default().trim().to_owned();
            let number = digits.parse().ok().filter(|_| !operator.is_empty());
            let Some(number) = number else {
                return Some((Err(format!("`{filter}` asks nothing about a number")), operator, 0));
            };
            *filter = format!("{before}length");
            (operator, number)
        }
        // A list is there even where nothing is in it.
        None if filter.contains("map(") || filter.starts_with('[') || !filter.contains("[]") => {
            return Some((
                Err(format!("`{filter}` is not a question whether there are findings")),
                String::new(),
                0,
            ));
        }
        None => {
            *filter = format!("[{filter}] | length");
            more_than_none
        }
    };
    Some((jq(&words, 0), operator, number))
}

/// Words without where a command writes to.
fn without_redirections(words: Vec<String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            ">" | "1>" | "2>" | "&>" | ">>" => {
                words.next();
            }
            word if [">", "1>", "2>", "&>"].iter().any(|begin| word.starts_with(begin)) => {}
            _ => kept.push(word),
        }
    }
    kept
}

/// Words as a shell splits them, without their quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() || c == '<' => words.extend(word.take()),
            None if c == '|' => {
                words.extend(word.take());
                words.push("|".to_owned());
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn jq(words: &[String], at: usize) -> Result<FilterCount, String> {
    let own: Vec<&String> = words
        .iter()
        .skip(at + 1)
        .take_while(|word| *word != "|")
        .filter(|word| !word.starts_with("2>"))
        .collect();
    if own.iter().any(|word| word.starts_with("--arg")) {
        return Err("jq with --arg".to_owned());
    }
    let mut plain = own.iter().filter(|word| !word.starts_with('-'));
    let filter = plain.next().ok_or("jq without a filter")?;
    let files: Vec<&&String> = plain.collect();
    let file = match files.as_slice() {
        [file] => file.as_str(),
        [] => match words.iter().take(at).map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["cat", file, "|"] => file,
            _ => return Err("jq without a file".to_owned()),
        },
        _ => return Err("jq over several files".to_owned()),
    };
    let piped: Vec<&str> =
        words.iter().skip(at).skip_while(|word| *word != "|").skip(1).map(String::as_str).collect();
    let counts =
        filter.contains("length") || filter.contains(".metadata.vulnerabilities.") || piped == ["wc", "-l"];
    if !counts || (!piped.is_empty() && piped != ["wc", "-l"]) {
        return Err(format!("`{filter}` counts nothing"));
    }
    let mut counted = shape(filter, file)?;
    if counted.format == Some("detect-secrets") && !filter.contains("[][]") && !filter.contains(".value") {
        counted.notes.push("the script may have counted files; here findings are counted".to_owned());
    }
    let rest = asked(filter, &mut counted)?;
    if !rest.is_empty() {
        return Err(format!("`{}` in `{filter}` is not a question about severity or a fix", rest.join(" ")));
    }
    Ok(counted)
}

/// A `grep -c PATTERN FILE`, in which the pattern names severities.
fn grep(words: &[String], at: usize) -> Result<FilterCount, String> {
    let own: Vec<&String> = words.iter().skip(at + 1).collect();
    let flags = own.iter().filter(|word| word.starts_with('-')).count();
    let plain: Vec<&&String> =
        own.iter().filter(|word| !word.starts_with('-') && !word.starts_with("2>")).collect();
    let [pattern, file] = plain.as_slice() else {
        return Err("grep without one pattern and one file".to_owned());
    };
    let known = |word: &&String| word.trim_start_matches('-').chars().all(|c| "cqioEFsnHh".contains(c));
    if own.iter().filter(|word| word.starts_with('-')).any(|word| !known(word)) {
        return Err("grep with an option that turns its answer round or is not known".to_owned());
    }
    if flags == 0 || own.iter().any(|word| *word == "|") {
        return Err("grep that does not count".to_owned());
    }
    let mut counted = shape("", file).or_else(|_| counted_report(file, "", None))?;
    let words = pattern.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let each = ["check_id", "VulnerabilityID", "RuleID", "ruleId", "hashed_secret", "test_id"];
    if each.contains(&pattern.trim_matches(|c: char| !c.is_alphanumeric())) {
        counted.notes.push("the script counted lines; here findings are counted".to_owned());
        return Ok(counted);
    }
    let severities: Option<Vec<Severity>> = words
        .filter(|word| !matches!(*word, "severity" | "Severity" | "level" | "s" | "issue_severity"))
        .map(|word| severity(word, counted.format.unwrap_or_default()))
        .collect();
    match severities {
        Some(list) if !list.is_empty() => lowest(&list, &mut counted),
        _ => return Err(format!("`{pattern}` names no severities")),
    }
    counted.notes.push("the script counted lines; here findings are counted".to_owned());
    Ok(counted)
}

/// Which report it is.
fn shape(filter: &str, file: &str) -> Result<FilterCount, String> {
    let name = file.rsplit('/').next().unwrap_or(file).to_ascii_lowercase();
    let fits = |shape: &&ReportShape| filter.contains(shape.0) && name.contains(shape.1);
    let Some(ReportShape(_, _, format, category)) = SHAPES.iter().find(fits) else {
        return Err(format!("what `{filter}` finds in {file} is not known"));
    };
    counted_report(file, format, *category)
}

fn counted_report(
    file: &str,
    format: &'static str,
    category: Option<Category>,
) -> Result<FilterCount, String> {
    if file.contains(['$', '*', '`']) {
        return Err(format!("the file {file} has no fixed name"));
    }
    let name = file.rsplit('/').next().unwrap_or(file).to_ascii_lowercase();
    let told = || NAMES.iter().find(|(word, _)| name.contains(word)).map(|(_, category)| *category);
    let category = category.or_else(told).ok_or_else(|| format!("what {file} holds is not known"))?;
    let image = category == Category::Vulnerability && (name.contains("image") || name.contains("container"));
    Ok(FilterCount {
        file: file.strip_prefix("./").unwrap_or(file).to_owned(),
        format: (!format.is_empty()).then_some(format),
        category,
        severity: None,
        // GitLab's own reports say by their format what they are of.
        image: image && format != "gitlab",
        fix: false,
        notes: Vec::new(),
    })
}

/// Reads what a filter asks for; gives the words that are not understood.
fn asked(filter: &str, counted: &mut FilterCount) -> Result<Vec<String>, String> {
    let compact: String = filter.chars().filter(|c| !c.is_whitespace()).collect();
    let mut text = filter.to_owned();
    for is_there in [
        ".FixedVersion!=null",
        ".FixedVersion!=\"\"",
        ".FixedVersion//\"\"!=\"\"",
        "(.FixedVersion|length)>0",
        ".vulnerability.fix.state==\"fixed\"",
    ] {
        if compact.contains(is_there) {
            counted.fix = true;
            text = compact.replace(is_there, " ");
        }
    }
    if counted.fix {
        text = text.replace("and", " ").replace(".FixedVersion", " ");
    }
    if let Some((_, word)) = compact.split_once(".metadata.vulnerabilities.") {
        let word: String = word.chars().take_while(|c| c.is_alphabetic()).collect();
        let severity = severity(&word, "npm-audit").ok_or_else(|| format!("`{word}` is not a severity"))?;
        lowest(&[severity], counted);
        return Ok(Vec::new());
    }
    if text.contains("!=") || text.contains("not") || text.contains('<') || text.contains('>') {
        return Ok(vec![text]);
    }
    let mut severities = Vec::new();
    let mut rest = Vec::new();
    let mut quoted = false;
    for part in text.split('"') {
        let words = part.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        for word in words {
            match severity(word, counted.format.unwrap_or_default()) {
                Some(severity) if quoted || word.bytes().all(|b| b.is_ascii_digit()) => {
                    severities.push(severity);
                }
                _ if !quoted && SILENT.contains(&word) => {}
                _ if quoted && matches!(word, "i" | "fixed") => {}
                _ => rest.push(word.to_owned()),
            }
        }
        quoted = !quoted;
    }
    if !severities.is_empty() {
        lowest(&severities, counted);
    } else if text.contains("select") && !counted.fix {
        rest.push("select".to_owned());
    }
    Ok(rest)
}

fn lowest(severities: &[Severity], counted: &mut FilterCount) {
    let rank = |severity: &Severity| severity.rank(Severity::Critical);
    let Some(lowest) = severities.iter().copied().min_by_key(rank) else { return };
    counted.severity = Some(lowest);
    let all = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    let highest_word = match counted.format {
        // Semgrep, SARIF and Bandit had no word above these when such scripts were written.
        Some("semgrep" | "sarif" | "bandit" | "zap" | "gosec") => Severity::High,
        _ => Severity::Critical,
    };
    let above = all.iter().filter(|s| rank(s) > rank(&lowest) && rank(s) <= rank(&highest_word));
    if above.clone().any(|severity| !severities.contains(severity)) {
        counted
            .notes
            .push(format!("the script counted only some severities; the rule counts {lowest} and worse"));
    }
}

/// A tool's word on the common scale.
fn severity(word: &str, format: &str) -> Option<Severity> {
    Some(match (word.to_ascii_lowercase().as_str(), format) {
        ("critical", _) => Severity::Critical,
        ("high" | "error", _) | ("3", "zap") => Severity::High,
        ("medium" | "moderate" | "warning", _) | ("2", "zap") => Severity::Medium,
        ("low" | "note", _) | ("1", "zap") => Severity::Low,
        ("info" | "negligible", _) => Severity::Info,
        _ => return None,
    })
}
