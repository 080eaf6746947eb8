//! Globs of policies: paths, where `*` stays in a folder, and rule ids, where it matches anything.

use globset::{GlobBuilder, GlobMatcher};

/// Longest glob, in bytes; what is longer is no glob that a person wrote.
const LONGEST: usize = 1000;

/// A glob of paths: `*` and `?` stay in a folder, `**` crosses them, `{a,b}` and `[a-z]` as usual; letter case counts.
///
/// Without `/` it is compared with the file name, with `/` with the whole path relative to the project.
#[derive(Debug, Clone)]
pub struct PathGlob {
    text: String,
    matcher: GlobMatcher,
    name_only: bool,
}

impl PathGlob {
    /// The glob `text`, or why it is none that may stand in a policy.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("an empty glob matches nothing".to_owned());
        }
        let drive = text.as_bytes().get(1) == Some(&b':');
        if text.starts_with('/') || text.starts_with('~') || text.starts_with('\\') || drive {
            return Err("a path must be relative".to_owned());
        }
        if text.split(['/', '\\']).any(|part| part == "..") {
            return Err("`..` would leave the project".to_owned());
        }
        if text.ends_with('/') {
            return Err(format!("a glob names files: write `{text}**` for all files below the folder"));
        }
        let pattern = text.strip_prefix("./").unwrap_or(text);
        let matcher = compile(pattern, true)?;
        Ok(Self { text: text.to_owned(), matcher, name_only: !pattern.contains('/') })
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a file that was given or found, at `path` relative to the current directory, is one of these.
    pub fn matches_file(&self, path: &str) -> bool {
        let path = path.strip_prefix("./").unwrap_or(path);
        let name = path.rsplit('/').next().unwrap_or(path);
        self.matcher.is_match(if self.name_only { name } else { path })
    }

    /// Whether a finding at `path`, relative to the project root, is in one of these.
    pub fn matches_path(&self, path: &str) -> bool {
        self.matches_file(path)
    }
}

/// A glob of rule ids: `*` matches anything, letter case does not count, and the known spellings of one check are
/// one (`KSV017`, `KSV-0017`, `AVD-KSV-0017`).
#[derive(Debug, Clone)]
pub struct RuleGlob {
    text: String,
    as_written: GlobMatcher,
    canonical: GlobMatcher,
}

impl RuleGlob {
    /// The glob `text`, or why it is none.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("an empty rule id matches nothing".to_owned());
        }
        let as_written = compile(text, false)?;
        let canonical = compile(&canonical_rule_id(text), false)?;
        Ok(Self { text: text.to_owned(), as_written, canonical })
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the id is one of these.
    pub fn matches(&self, rule_id: &str) -> bool {
        self.as_written.is_match(rule_id) || self.canonical.is_match(canonical_rule_id(rule_id))
    }
}

/// One spelling for the known spellings of a check: without `AVD-`, and letters with a number as `KSV-0017`.
pub fn canonical_rule_id(rule_id: &str) -> String {
    let id = match rule_id.split_at_checked(4) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("AVD-") => rest,
        _ => rule_id,
    };
    let letters_end = id.bytes().take_while(u8::is_ascii_alphabetic).count();
    let Some((letters, rest)) = id.split_at_checked(letters_end) else { return id.to_owned() };
    let number = rest.strip_prefix('-').unwrap_or(rest);
    if letters.is_empty() || number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return id.to_owned();
    }
    format!("{}-{:0>4}", letters.to_ascii_uppercase(), number.trim_start_matches('0'))
}

/// Compiles a glob; `path` keeps `*` inside a folder and letter case significant.
fn compile(text: &str, path: bool) -> Result<GlobMatcher, String> {
    if text.len() > LONGEST {
        return Err(format!("a glob may have {LONGEST} bytes"));
    }
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
