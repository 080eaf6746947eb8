//! Globs of policies: paths, where `*` stays in a folder, and rule ids, where it matches anything.

use std::borrow::Cow;
use std::collections::HashMap;

use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};

/// Longest glob, in bytes; what is longer is no glob that a person wrote.
const LONGEST: usize = 1000;

/// Most alternatives that the braces of one glob may stand for.
const MOST: usize = 256;

/// Deepest braces in braces.
const DEEPEST: usize = 16;

/// A glob of paths: `*`, `?` and `[a-z]` stay in a folder, `**` crosses them, and braces stand for several globs as in a
/// shell: `payments{,-api}/**` is `payments/**` and `payments-api/**`. Letter case counts.
///
/// Without `/` a glob is compared with the file name, with `/` with the whole path relative to the project.
#[derive(Debug, Clone)]
pub struct PathGlob {
    text: String,
    alternatives: Vec<PathPattern>,
}

/// One of the globs that braces stand for.
#[derive(Debug, Clone)]
struct PathPattern {
    text: String,
    /// None of a path without wildcards, which is compared as it is: an automaton costs time and memory.
    matcher: Option<GlobMatcher>,
    name_only: bool,
}

impl PathPattern {
    fn is_match(&self, path: &str) -> bool {
        self.matcher.as_ref().map_or(self.text == path, |matcher| matcher.is_match(path))
    }
}

/// Whether a pattern has one of the signs of globs.
fn has_signs(pattern: &str) -> bool {
    pattern.contains(['*', '?', '[', ']', '{', '}', '\\'])
}

impl PathGlob {
    /// The glob `text`, or why it is none that may stand in a policy.
    pub fn new(text: &str) -> Result<Self, String> {
        Self::checked(text, |_| Ok(()))
    }

    /// A glob of the places of findings. What names a folder, and so no file, is refused.
    pub fn of_findings(text: &str) -> Result<Self, String> {
        Self::checked(text, names_a_file)
    }

    fn checked(text: &str, also: impl Fn(&str) -> Result<(), String>) -> Result<Self, String> {
        let mut alternatives = Vec::new();
        is_one_glob(text, |_| true)?;
        for pattern in expanded(text)? {
            let pattern = pattern.strip_prefix("./").unwrap_or(&pattern);
            names_a_path(pattern, text)?;
            also(pattern)?;
            let in_shells = as_in_shells(pattern)?;
            let matcher = has_signs(pattern).then(|| compile(&in_shells, true)).transpose()?;
            let (text, name_only) = (pattern.to_owned(), !pattern.contains('/'));
            alternatives.push(PathPattern { text, matcher, name_only });
        }
        Ok(Self { text: text.to_owned(), alternatives })
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The globs without braces that it stands for: two that stand for the same are the same.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        self.alternatives.iter().map(|one| one.text.as_str())
    }

    /// Whether every path is one of these, so that it says nothing of where a finding is.
    pub fn is_everything(&self) -> bool {
        self.spellings().any(|text| matches!(text, "**" | "**/*"))
    }

    /// Whether a file that was given or found, at `path` relative to the current directory, is one of these.
    pub fn matches_file(&self, path: &str) -> bool {
        let path = path.strip_prefix("./").unwrap_or(path);
        let name = path.rsplit('/').next().unwrap_or(path);
        self.alternatives.iter().any(|one| one.is_match(if one.name_only { name } else { path }))
    }

    /// Whether a finding at `path`, relative to the project root, is in one of these.
    pub fn matches_path(&self, path: &str) -> bool {
        self.matches_file(path)
    }
}

/// Refuses what can be no path below the project.
fn names_a_path(pattern: &str, text: &str) -> Result<(), String> {
    if pattern.trim().is_empty() {
        return Err("an empty glob matches nothing".to_owned());
    }
    if pattern.trim() != pattern {
        return Err("a path neither begins nor ends with a blank".to_owned());
    }
    let drive = pattern.as_bytes().get(1) == Some(&b':');
    if drive || pattern.starts_with(['/', '~']) || pattern.starts_with("\\\\") {
        let relative = pattern.trim_start_matches(['/', '~']);
        return Err(match relative {
            "" => "a path must be relative to the project".to_owned(),
            _ if drive => "a path must be relative to the project, with `/` between folders".to_owned(),
            relative => format!("a path must be relative to the project: write `{relative}`"),
        });
    }
    if pattern.split(['/', '\\']).any(|part| part == "..") {
        return Err("`..` would leave the project".to_owned());
    }
    if let Some(rest) = pattern.strip_prefix('!') {
        return Err(format!(
            "a glob is not turned round by `!`: write `not: {{path: \"{rest}\"}}`, or `\\!` for the sign itself"
        ));
    }
    if let Some(folder) = pattern.strip_suffix('/') {
        return Err(format!("a glob names files: write `{folder}/**` for all files below the folder"));
    }
    if pattern.split('/').any(|part| matches!(part, "" | ".")) {
        let parts: Vec<&str> = pattern.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        return Err(format!("no path is spelled so: write `{}`", parts.join("/")));
    }
    if let Some((before, after)) = foreign_separator(pattern) {
        let whole = format!("{before}\\{after}").replace('\\', "/");
        let which = if pattern == text { String::new() } else { format!(" in `{pattern}`") };
        return Err(format!(
            "folders are parted by `/`, and `\\` only stands before a sign of globs{which}: write `{whole}`"
        ));
    }
    Ok(())
}

/// The first `\` that stands before a letter, with what is on both sides.
fn foreign_separator(pattern: &str) -> Option<(&str, &str)> {
    let mut rest = pattern;
    loop {
        let (_, after) = rest.split_once('\\')?;
        let sign = after.chars().next();
        if !sign.is_some_and(|sign| SIGNS.contains(&sign)) {
            let before = pattern.get(..pattern.len() - after.len() - 1)?;
            return Some((before, after));
        }
        rest = after.get(sign.map_or(0, char::len_utf8)..)?;
    }
}

/// Characters whose meaning `\` may take away. `\*` is how a path of Windows is written, and no file is called so.
const SIGNS: [char; 13] = ['[', ']', '{', '}', ',', '!', '^', '-', '(', ')', '@', '+', '\\'];

/// Files that have no extension and no other mark by which a name can be told from that of a folder.
const FILES: [&str; 23] = [
    "artisan",
    "authorized_keys",
    "codeowners",
    "commit-msg",
    "configure",
    "crontab",
    "docker-entrypoint",
    "entrypoint",
    "fstab",
    "gradlew",
    "hosts",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
    "known_hosts",
    "mvnw",
    "passwd",
    "post-commit",
    "pre-commit",
    "pre-push",
    "shadow",
    "sudoers",
];

/// Folders that begin with a dot, as files without extension do.
const DOT_FOLDERS: [&str; 24] = [
    ".aws",
    ".azure",
    ".azuredevops",
    ".bundle",
    ".buildkite",
    ".cargo",
    ".circleci",
    ".config",
    ".devcontainer",
    ".docker",
    ".git",
    ".gitea",
    ".github",
    ".gitlab",
    ".husky",
    ".idea",
    ".kube",
    ".secgate",
    ".ssh",
    ".storybook",
    ".terraform",
    ".venv",
    ".vscode",
    ".woodpecker",
];

/// Refuses the name of a folder, at which no finding is: a last part without wildcard and extension that no file is
/// known to have.
fn names_a_file(pattern: &str) -> Result<(), String> {
    let name = pattern.rsplit('/').next().unwrap_or(pattern);
    let parent = pattern.rsplit('/').nth(1).unwrap_or_default();
    if name.contains(['*', '?', '[']) {
        return Ok(());
    }
    let lower = name.to_ascii_lowercase();
    // `Dockerfile`, `LICENSE`, `bin/deploy`, `.env`, `a.py`.
    let capitals =
        name.chars().any(|c| c.is_ascii_uppercase()) && !name.chars().any(|c| c.is_ascii_lowercase());
    let extension = name.trim_start_matches('.').contains('.');
    let dotted = name.starts_with('.') && !DOT_FOLDERS.contains(&lower.as_str());
    let executable = matches!(parent, "bin" | "sbin" | "hooks" | "libexec" | "init.d" | "cron.d");
    if extension
        || dotted
        || capitals
        || executable
        || lower.ends_with("file")
        || FILES.contains(&lower.as_str())
    {
        return Ok(());
    }
    let mut as_file = name.to_owned();
    let file = match as_file.pop() {
        Some(last) if last.is_alphanumeric() => format!("; for a file of that name, `{as_file}[{last}]`"),
        _ => String::new(),
    };
    Err(format!(
        "it would match only a file without extension: write `{pattern}/**` for all files below the folder{file}"
    ))
}

/// Refuses alternatives that are written as a list, `a,b`, or as in regular expressions, `(a|b)`: they would be taken as
/// they stand, and match nothing. `is_item`: whether a part between such signs can be an alternative.
fn is_one_glob(text: &str, is_item: impl Fn(&str) -> bool) -> Result<(), String> {
    let (bars, in_groups) = parts_between(text, '|');
    let (lists, _) = parts_between(text, ',');
    let all_items = |parts: &[&str]| parts.iter().all(|part| is_item(part.trim()));
    // The spelling must not need a second correction.
    let braces = |parts: &[&str]| {
        let parts: Vec<&str> = parts.iter().map(|part| part.trim()).collect();
        format!("{{{}}}", parts.join(","))
    };
    if bars.len() > 1 && in_groups {
        let spelled = text.replace('(', "{").replace(')', "}").replace('|', ",");
        return Err(format!("alternatives stand in braces: write `{spelled}`, or `[|]` for the sign itself"));
    }
    if bars.len() > 1 && all_items(&bars) {
        let spelled = braces(&bars);
        return Err(format!("alternatives stand in braces: write `{spelled}`, or `[|]` for the sign itself"));
    }
    if lists.len() > 1 && all_items(&lists) {
        let spelled = braces(&lists);
        return Err(format!(
            "one glob is no list: write `{spelled}` or several globs, or `\\,` for the sign itself"
        ));
    }
    Ok(())
}

/// The parts of a glob between a sign that stands neither in braces nor in brackets nor behind `\`, and whether each such
/// sign stands between parentheses.
fn parts_between(text: &str, sign: char) -> (Vec<&str>, bool) {
    let (mut parts, mut begin, mut in_groups) = (Vec::new(), 0, true);
    let (mut braces, mut groups, mut in_brackets) = (0_u32, 0_u32, false);
    let mut signs = text.char_indices();
    while let Some((at, c)) = signs.next() {
        match c {
            '\\' => {
                signs.next();
            }
            ']' => in_brackets = false,
            _ if in_brackets => {}
            '[' => in_brackets = true,
            '{' => braces += 1,
            '}' => braces = braces.saturating_sub(1),
            '(' => groups += 1,
            ')' => groups = groups.saturating_sub(1),
            c if c == sign && braces == 0 => {
                parts.extend(text.get(begin..at));
                begin = at + c.len_utf8();
                in_groups &= groups > 0;
            }
            _ => {}
        }
    }
    parts.extend(text.get(begin..));
    (parts, in_groups)
}

/// All globs that one with braces stands for, as a shell writes them out.
fn expanded(text: &str) -> Result<Vec<String>, String> {
    if text.len() > LONGEST {
        return Err(format!("a glob may have {LONGEST} bytes"));
    }
    let mut rest = text.chars().peekable();
    let all = sequence(&mut rest, 0)?;
    match rest.next() {
        None => Ok(all),
        Some(_) => Err("not a glob: `}` without `{`; `\\}` is the sign itself".to_owned()),
    }
}

type Chars<'t> = std::iter::Peekable<std::str::Chars<'t>>;

/// Text up to the next `,` or `}` of the braces around it.
fn sequence(rest: &mut Chars<'_>, depth: usize) -> Result<Vec<String>, String> {
    let mut all = vec![String::new()];
    let push = |all: &mut Vec<String>, c: char| all.iter_mut().for_each(|one| one.push(c));
    while let Some(&c) = rest.peek() {
        if c == '}' || c == ',' && depth > 0 {
            break;
        }
        rest.next();
        match c {
            '{' => {
                let inner = braces(rest, depth + 1)?;
                if all.len() * inner.len() > MOST {
                    return Err(format!("its braces stand for more than {MOST} globs"));
                }
                all =
                    all.iter().flat_map(|one| inner.iter().map(move |more| format!("{one}{more}"))).collect();
            }
            '\\' => {
                push(&mut all, c);
                if let Some(taken) = rest.next() {
                    push(&mut all, taken);
                }
            }
            c => push(&mut all, c),
        }
    }
    Ok(all)
}

/// The alternatives in braces, of which the first is read.
fn braces(rest: &mut Chars<'_>, depth: usize) -> Result<Vec<String>, String> {
    if depth > DEEPEST {
        return Err(format!("more than {DEEPEST} braces in each other"));
    }
    let (mut all, mut commas) = (Vec::new(), 0);
    loop {
        all.extend(sequence(rest, depth)?);
        if all.len() > MOST {
            return Err(format!("its braces stand for more than {MOST} globs"));
        }
        match rest.next() {
            Some('}') if commas > 0 => return Ok(all),
            Some('}') => {
                let only = all.first().map_or("", String::as_str);
                return Err(format!(
                    "braces hold alternatives with a comma between them, and `{{{only}}}` holds one; `\\{{` is the sign itself"
                ));
            }
            Some(_) => commas += 1,
            None => return Err("not a glob: `{` without `}`; `\\{` is the sign itself".to_owned()),
        }
    }
}

/// A glob of paths in the library's spelling, with the meaning that it has in a shell. What the library would take for
/// something else is refused.
fn as_in_shells(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern.chars().peekable();
    let mut before = None;
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                out.push(c);
                out.extend(rest.next());
                before = None;
                continue;
            }
            '(' if matches!(before, Some('?' | '*' | '+' | '@' | '!')) => {
                return Err(
                    "patterns such as `@(a|b)` are not read: write `{a,b}`, or `\\(` for the sign itself"
                        .to_owned(),
                );
            }
            '[' => class(&mut rest, &mut out)?,
            c => out.push(c),
        }
        before = Some(c);
    }
    Ok(out)
}

/// The signs in brackets: none of them is ever `/`.
fn class(rest: &mut Chars<'_>, out: &mut String) -> Result<(), String> {
    let negated = rest.next_if(|c| matches!(c, '!' | '^')).is_some();
    let mut signs: Vec<char> = Vec::new();
    loop {
        match rest.next() {
            None => return Err("not a glob: `[` without `]`; `\\[` is the sign itself".to_owned()),
            Some(']') if !signs.is_empty() => break,
            Some('[') if matches!(rest.peek(), Some(':' | '.' | '=')) => {
                return Err("classes such as `[:alpha:]` are not read: write `[a-zA-Z]`".to_owned());
            }
            Some('\\') => return Err("`\\` cannot stand in brackets".to_owned()),
            Some('/') => {
                return Err("`/` cannot stand in brackets: they stand for one sign of a name".to_owned());
            }
            Some(c) => signs.push(c),
        }
    }
    let over = |range: &[char]| matches!(range, [from, '-', to] if ('/'..='/').any(|sign| *from <= sign && sign <= *to));
    let mut at = 0;
    while let Some(range) = signs.get(at..at + 3) {
        if range.get(1) == Some(&'-') {
            if over(range) {
                return Err("a range in brackets cannot go over `/`".to_owned());
            }
            at += 3;
        } else {
            at += 1;
        }
    }
    out.push('[');
    if negated {
        out.push('!');
    }
    let (first, last) = (signs.first().copied(), signs.last().copied());
    match (negated, first, last) {
        (false, ..) => out.extend(signs),
        (true, _, Some(last)) if last != '-' => {
            out.extend(signs);
            out.push('/');
        }
        (true, Some(first), _) if !matches!(first, '-' | ']') => {
            out.push('/');
            out.extend(signs);
        }
        _ => return Err("`-` in brackets stands at their beginning".to_owned()),
    }
    out.push(']');
    Ok(())
}

/// A glob of rule ids: `*` matches anything, letter case does not count, and the known spellings of one check are
/// one (`KSV017`, `KSV-0017`, `AVD-KSV-0017`).
#[derive(Debug, Clone)]
pub struct RuleGlob {
    text: String,
    alternatives: Vec<RulePattern>,
}

/// One of the globs that braces stand for.
#[derive(Debug, Clone)]
enum RulePattern {
    /// One rule id, in its known spelling.
    Id(String),
    /// A glob, of ids as they are written and of ids in their known spelling.
    Glob(Box<[GlobMatcher; 2]>),
}

impl RuleGlob {
    /// The glob `text`, or why it is none.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("an empty rule id matches nothing".to_owned());
        }
        let pattern = |one: String| {
            let known = canonical_rule_id(&one);
            if !has_signs(&one) {
                return Ok(RulePattern::Id(known.into_owned()));
            }
            Ok(RulePattern::Glob(Box::new([compile(&one, false)?, compile(&known, false)?])))
        };
        // Where a tool has no ids, its sentences are: they have blanks.
        is_one_glob(text, |part| !part.is_empty() && !part.contains(char::is_whitespace))?;
        let alternatives = expanded(text)?.into_iter().map(pattern).collect::<Result<_, String>>()?;
        Ok(Self { text: text.to_owned(), alternatives })
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// One spelling for globs that match the same ids: of a single id the known one, else as written.
    pub fn spelling(&self) -> String {
        if has_signs(&self.text) {
            self.text.to_lowercase()
        } else {
            canonical_rule_id(&self.text).to_lowercase()
        }
    }

    /// Whether the id is one of these.
    pub fn matches(&self, rule_id: &str) -> bool {
        let known = canonical_rule_id(rule_id);
        self.alternatives.iter().any(|pattern| match pattern {
            RulePattern::Id(id) => id.eq_ignore_ascii_case(&known),
            RulePattern::Glob(both) => {
                let [as_written, in_known] = &**both;
                as_written.is_match(rule_id) || in_known.is_match(&*known)
            }
        })
    }
}

/// Many globs of rule ids, each with a number, that are asked at once.
#[derive(Debug, Default)]
pub(super) struct RuleGlobs {
    ids: HashMap<String, Vec<usize>>,
    as_written: GlobSet,
    in_known: GlobSet,
    /// The number of each glob of the two sets.
    numbers: Vec<usize>,
}

impl RuleGlobs {
    /// `None` where the library cannot hold so many.
    pub(super) fn new<'g>(globs: impl Iterator<Item = (usize, &'g RuleGlob)>) -> Option<Self> {
        let mut ids: HashMap<String, Vec<usize>> = HashMap::new();
        let (mut as_written, mut in_known) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        let mut numbers = Vec::new();
        for (number, glob) in globs {
            for pattern in &glob.alternatives {
                match pattern {
                    RulePattern::Id(id) => ids.entry(id.to_ascii_lowercase()).or_default().push(number),
                    RulePattern::Glob(both) => {
                        let [of_written, of_known] = &**both;
                        as_written.add(of_written.glob().clone());
                        in_known.add(of_known.glob().clone());
                        numbers.push(number);
                    }
                }
            }
        }
        Some(Self { ids, as_written: as_written.build().ok()?, in_known: in_known.build().ok()?, numbers })
    }

    /// Adds the numbers of the globs that match the id.
    pub(super) fn add_matching(&self, rule_id: &str, numbers: &mut Vec<usize>) {
        let known = canonical_rule_id(rule_id).to_ascii_lowercase();
        numbers.extend(self.ids.get(&known).into_iter().flatten());
        if self.numbers.is_empty() {
            return;
        }
        let both = [self.as_written.matches(rule_id), self.in_known.matches(&known)];
        numbers.extend(both.into_iter().flatten().filter_map(|at| self.numbers.get(at)));
    }
}

/// One spelling for the known spellings of a check: without `AVD-`, and letters with a number as `KSV-0017`.
pub fn canonical_rule_id(rule_id: &str) -> Cow<'_, str> {
    let id = match rule_id.split_at_checked(4) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("AVD-") => rest,
        _ => rule_id,
    };
    let letters_end = id.bytes().take_while(u8::is_ascii_alphabetic).count();
    let Some((letters, rest)) = id.split_at_checked(letters_end) else { return id.into() };
    let number = rest.strip_prefix('-').unwrap_or(rest);
    if letters.is_empty() || number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return id.into();
    }
    format!("{}-{:0>4}", letters.to_ascii_uppercase(), number.trim_start_matches('0')).into()
}

/// Whether a value of a parameter is matched by a glob that was checked; `*` stays between two `/`.
pub(super) fn matches_parameter(glob: &str, value: &str) -> bool {
    compile(glob, true).is_ok_and(|glob| glob.is_match(value))
}

/// Why a text is no glob of values of a parameter.
pub(super) fn check_parameter(glob: &str) -> Result<(), String> {
    compile(glob, true).map(|_| ())
}

/// Compiles a glob; `path` keeps `*` inside a folder and letter case significant.
fn compile(text: &str, path: bool) -> Result<GlobMatcher, String> {
    GlobBuilder::new(text)
        .literal_separator(path)
        .case_insensitive(!path)
        .backslash_escape(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|e| format!("not a glob: {}", e.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(glob: &str, path: &str) -> bool {
        PathGlob::new(glob).unwrap().matches_path(path)
    }

    #[test]
    fn a_star_stays_in_its_folder() {
        assert!(path("deploy/*.yaml", "deploy/a.yaml"));
        assert!(!path("deploy/*.yaml", "deploy/prod/a.yaml"));
        assert!(path("deploy/**", "deploy/prod/a.yaml"));
        assert!(path("**/a.yaml", "deploy/prod/a.yaml"));
        assert!(path("./deploy/**", "deploy/a.yaml"));
        assert!(!path("Deploy/**", "deploy/a.yaml"));
    }

    #[test]
    fn without_a_slash_it_is_the_file_name() {
        assert!(path("*.py", "src/a.py"));
        assert!(path("junit*.xml", "junit-1.xml"));
        assert!(!path("a", "a/b"));
    }

    #[test]
    fn a_glob_cannot_leave_the_project() {
        for bad in ["", " ", "/etc/*", "../x", "a/../b", "a\\..\\b", "C:/x", "~/x", "deploy/", "[a", "a{b"] {
            assert!(PathGlob::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn braces_are_written_out_as_a_shell_does() {
        let all = |text: &str| expanded(text).unwrap().join(" ");
        assert_eq!(all("payments{,-api}/**"), "payments/** payments-api/**");
        assert_eq!(all("a{b,c{d,}e}f"), "abf acdef acef");
        assert_eq!(all("{a,b}{,1}"), "a a1 b b1");
        assert_eq!(all("a,b\\{c,d\\}"), "a,b\\{c,d\\}");
        assert!(path("payments{,-api}/**", "payments/x") && path("payments{,-api}/**", "payments-api/x"));
        assert!(path("{src/**,*.tf}", "src/a/b") && path("{src/**,*.tf}", "infra/main.tf"));
        assert!(
            path("x/{**/a,b}", "x/a") && path("x/{**/a,b}", "x/y/z/a") && path("{a,b/**}/c.py", "b/c.py")
        );
        assert!(path("src/\\[id\\]/*.ts", "src/[id]/a.ts"));
        for bad in ["{a}", "{1..3}", "a}", "{a,b", "{{{{{{{{{{{{{{{{{a,b},}", "{a,{b}}"] {
            assert!(PathGlob::new(bad).is_err(), "{bad}");
        }
        assert!(PathGlob::new(&"{a,b}".repeat(9)).unwrap_err().contains("more than 256"));
    }

    #[test]
    fn alternatives_that_are_no_braces_are_refused_with_the_right_spelling() {
        for (bad, spelled) in [
            ("(src|lib)/**", "{src,lib}/**"),
            ("src/(a|b/(c|d))/*.py", "src/{a,b/{c,d}}/*.py"),
            ("src/**|lib/**", "{src/**,lib/**}"),
            ("src/**,lib/**", "{src/**,lib/**}"),
            ("a.py, b.py", "{a.py,b.py}"),
        ] {
            let why = PathGlob::new(bad).unwrap_err();
            assert!(why.contains(&format!("write `{spelled}`")), "{bad}: {why}");
            assert!(PathGlob::new(spelled).is_ok(), "{spelled}");
        }
        assert!(path("app/(auth)/**", "app/(auth)/x.ts") && path("a[,]b", "a,b") && path("a\\,b", "a,b"));
        assert!(path("a[|]b", "a|b") && path("x/{a,b}", "x/b"));
        for (bad, spelled) in [
            ("(B101|B102)", "{B101,B102}"),
            ("B101|B102", "{B101,B102}"),
            ("B101,B102", "{B101,B102}"),
            ("B101, B102", "{B101,B102}"),
        ] {
            let why = RuleGlob::new(bad).unwrap_err();
            assert!(why.contains(&format!("write `{spelled}`")), "{bad}: {why}");
            assert!(RuleGlob::new(spelled).unwrap().matches("B102"), "{spelled}");
        }
        // A sentence that is a rule's name.
        let sentence = "Cookie without Secure flag, or with a wide domain (RFC 6265)";
        assert!(RuleGlob::new(sentence).unwrap().matches(sentence));
        assert!(RuleGlob::new("a\\,b").unwrap().matches("a,b"));
    }

    #[test]
    fn brackets_stay_in_a_folder() {
        assert!(path("[a-c].py", "b.py") && !path("[!a-c].py", "b.py") && path("[^a-c].py", "d.py"));
        assert!(!path("src[!a]x.py", "src/x.py") && path("src[!-a]x.py", "src_x.py"));
        for bad in
            ["a[/]b", "a[+-9]b", "a[[:alpha:]]", "a[", "@(a|b)/**", "src/!(test)/**", "!src/**", "a[\\]]"]
        {
            assert!(PathGlob::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_folder_is_no_place_of_a_finding() {
        for (bad, instead) in [
            ("payments", "payments/**"),
            ("services/payments", "services/payments/**"),
            (".github", ".github/**"),
            ("Payments", "Payments/**"),
            ("payments/", "payments/**"),
            ("{src/**,lib}", "lib/**"),
            ("/src/**", "src/**"),
            ("src\\**\\*.cs", "**"),
            ("src\\api\\x.cs", "src/api/x.cs"),
            ("src//a.py", "src/a.py"),
            ("src/./a.py", "src/a.py"),
            (" src/**", "blank"),
        ] {
            let error = PathGlob::of_findings(bad).err().unwrap_or_default();
            assert!(error.contains(instead), "{bad}: {error}");
        }
        for good in [
            "Dockerfile",
            "docker/Makefile",
            "Jenkinsfile",
            "LICENSE",
            "bin/deploy",
            "gradlew",
            ".env",
            ".gitlab-ci.yml",
            "a.py",
            "payment[s]",
            "payments*",
            "**/payments/**",
            "**",
            "./src/**",
            "Containerfile",
        ] {
            assert!(PathGlob::of_findings(good).is_ok(), "{good}");
        }
        // Files of evidence may be called anything.
        assert!(PathGlob::new("reports/sarif").is_ok());
    }

    #[test]
    fn spellings_of_one_check_are_one() {
        for written in ["KSV017", "KSV-0017", "AVD-KSV-0017", "ksv017", "avd-ksv-0017"] {
            for found in ["KSV017", "KSV-0017", "AVD-KSV-0017", "Ksv-17"] {
                assert!(RuleGlob::new(written).unwrap().matches(found), "{written} {found}");
            }
            assert!(!RuleGlob::new(written).unwrap().matches("KSV-0170"));
        }
        assert_eq!(canonical_rule_id("CKV_K8S_16"), "CKV_K8S_16");
        assert_eq!(canonical_rule_id("é"), "é");
    }

    #[test]
    fn a_star_in_a_rule_id_matches_anything() {
        assert!(RuleGlob::new("*generic.secrets.*").unwrap().matches("python/x.generic.Secrets.security.y"));
        assert!(RuleGlob::new("owasp:api2:*").unwrap().matches("owasp:api2:2023-no-http-basic"));
        assert!(RuleGlob::new("AVD-KSV-*").unwrap().matches("KSV-0017"));
    }
}
