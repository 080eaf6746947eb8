//! How a scanner is started, as an evidence entry says: a program and its arguments, never a shell.

/// The scanner of an evidence entry, for `secgate scan`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannerCommand {
    /// Line in the file.
    pub line: u64,
    /// The program and its arguments; `{report}` and `{changed}` stand for what only a run knows.
    pub argv: Vec<String>,
}

/// Where the scanner is to write its report; without it standard output is the report.
pub(super) const REPORT: &str = "{report}";
/// The files to look at, an argument each; `.` where all of the project is scanned.
pub(super) const CHANGED: &str = "{changed}";

impl ScannerCommand {
    /// The program, found on `PATH`.
    pub fn program(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }

    /// Its standard output is the report.
    pub fn prints_report(&self) -> bool {
        !self.argv.iter().any(|word| word.contains(REPORT))
    }

    /// It can look at a part of the project.
    pub fn takes_changed(&self) -> bool {
        self.argv.iter().any(|word| word == CHANGED)
    }

    /// The arguments for a run that writes `report` and looks at `files`, or at all of the project.
    pub fn arguments(&self, report: &str, files: Option<&[String]>) -> Vec<String> {
        let mut arguments = Vec::new();
        for word in self.argv.iter().skip(1) {
            match files {
                Some(files) if word == CHANGED => arguments.extend(files.iter().map(|file| inert(file))),
                None if word == CHANGED => arguments.push(".".to_owned()),
                _ => arguments.push(word.replace(REPORT, report)),
            }
        }
        arguments
    }
}

/// A file name that no program takes for an option.
pub fn inert(file: &str) -> String {
    if file.starts_with('-') { format!("./{file}") } else { file.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_arguments() {
        let argv = ["semgrep", "--output={report}", "{changed}", "{other}"].map(str::to_owned).to_vec();
        let run = ScannerCommand { line: 1, argv };
        assert_eq!((run.program(), run.prints_report(), run.takes_changed()), ("semgrep", false, true));
        let files = ["a b.py".to_owned(), "-x".to_owned()];
        assert_eq!(run.arguments("r.json", Some(&files)), ["--output=r.json", "a b.py", "./-x", "{other}"]);
        assert_eq!(run.arguments("r.json", None), ["--output=r.json", ".", "{other}"]);
    }
}
