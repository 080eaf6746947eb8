//! How the common scanners are started, for `run:` of a policy and for jobs of GitLab. Options are those of the tools' own
//! documentation; what a tool would send or fetch besides its rules and its database is turned off.

use super::Survey;
use crate::policy::inert;

/// A scanner's command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scanner {
    /// Program and words, with `{report}` and `{changed}`.
    pub(super) argv: Vec<String>,
    /// Where a job gets it from.
    pub(super) from: ScannerInput,
}

/// Where a job gets a scanner from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScannerInput {
    /// An image with a shell in which the program is on `PATH`.
    Image(&'static str),
    /// An image with a shell, and where the program lies in it.
    ImageAt(&'static str, &'static str),
    /// A job of the project runs it.
    Project,
    /// Python's packages; the image has git, which detect-secrets asks what is tracked.
    Python,
}

/// How a scanner is recognised in a pipeline.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct KnownScanner {
    /// The evidence that it is for.
    pub(super) kind: &'static str,
    pub(super) format: &'static str,
    /// Words that stand on one line of the job.
    pub(super) words: &'static [&'static str],
}

const fn known(kind: &'static str, format: &'static str, words: &'static [&'static str]) -> KnownScanner {
    KnownScanner { kind, format, words }
}

/// The scanners that are recognised.
pub(super) const KNOWN: &[KnownScanner] = &[
    known("sast", "semgrep", &["semgrep"]),
    known("sast", "bandit", &["bandit"]),
    known("sast", "gosec", &["gosec"]),
    known("secrets", "gitleaks", &["gitleaks"]),
    known("secrets", "trufflehog", &["trufflehog"]),
    known("secrets", "detect-secrets", &["detect-secrets", "scan"]),
    known("deps", "trivy", &["trivy", "fs"]),
    known("deps", "trivy", &["trivy", "filesystem"]),
    known("deps", "osv-scanner", &["osv-scanner"]),
    known("deps", "npm-audit", &["npm", "audit"]),
    known("deps", "grype", &["grype", "dir"]),
    known("image", "trivy", &["trivy", "image"]),
    known("image", "grype", &["grype", "registry"]),
    known("iac", "trivy-config", &["trivy", "config"]),
    known("iac", "checkov", &["checkov"]),
    known("api", "spectral", &["spectral", "lint"]),
];

/// The command that makes a report of a format; `None` where it needs what only the team knows.
pub(super) fn command_for(format: &str, image_report: bool, survey: &Survey) -> Option<Scanner> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let (from, mut argv) = match format {
        // With --metrics off nothing is sent; rules that begin with p/ are fetched from semgrep.dev.
        "semgrep" => (
            ScannerInput::Image("semgrep/semgrep"),
            words("semgrep scan --metrics off --disable-version-check --quiet --json --output {report}"),
        ),
        "bandit" => (ScannerInput::Python, words("bandit -r -q -f json -o {report} .")),
        // Without -quiet, which writes no report where nothing was found. What comments hide is reported, as such.
        "gosec" => (
            ScannerInput::Image("securego/gosec"),
            words("gosec -track-suppressions -fmt json -out {report} ./..."),
        ),
        "gitleaks" => (
            ScannerInput::Image("zricethezav/gitleaks"),
            words("gitleaks dir --no-banner --report-format json --report-path {report} ."),
        ),
        // Secrets are not tried out at those whose they are.
        "trufflehog" => (
            ScannerInput::Image("trufflesecurity/trufflehog"),
            words("trufflehog filesystem --json --no-update --no-verification ."),
        ),
        "detect-secrets" => (ScannerInput::Python, words("detect-secrets scan {changed}")),
        "trivy-config" => (
            ScannerInput::Image("aquasec/trivy"),
            words("trivy config --quiet --format json --output {report} ."),
        ),
        // With all packages it can be told later which advisories are new and which packages are.
        "trivy" if !image_report => (
            ScannerInput::Image("aquasec/trivy"),
            words(
                "trivy fs --quiet --scanners vuln --list-all-pkgs --show-suppressed --format json --output {report} .",
            ),
        ),
        // The image without `debug` has no shell.
        "grype" if !image_report => (
            ScannerInput::ImageAt("anchore/grype:debug", "/grype"),
            words("grype dir:. --quiet --output json --file {report}"),
        ),
        // The file is named by --output in old versions and by --output-file in new ones.
        "osv-scanner" => (
            ScannerInput::ImageAt("ghcr.io/google/osv-scanner", "/osv-scanner"),
            words("osv-scanner scan source --format json --recursive ."),
        ),
        "npm-audit" => (ScannerInput::Image("node"), words("npm audit --json")),
        // Its secrets are those of detect-secrets without their digests; secrets have an entry of their own.
        "checkov" => (
            ScannerInput::Image("bridgecrew/checkov"),
            words("checkov --directory . --skip-framework secrets --quiet --output json"),
        ),
        "spectral" => (
            ScannerInput::Image("stoplight/spectral"),
            words("spectral lint --quiet --format json --output {report}"),
        ),
        _ => return None,
    };
    match format {
        "semgrep" => {
            let rules = survey.semgrep_rules.as_deref().unwrap_or("p/default");
            argv.extend(["--config", rules, "{changed}"].map(str::to_owned));
        }
        "npm-audit" => argv.extend(npm_folder(survey)),
        // It needs to be told what it lints.
        "spectral" => argv.extend(survey.openapi.iter().map(|file| inert(file))),
        _ => {}
    }
    Some(Scanner { argv, from })
}

/// Where npm's lock file is, if it is not at the top.
fn npm_folder(survey: &Survey) -> Vec<String> {
    const FILES: [&str; 2] = ["package-lock.json", "npm-shrinkwrap.json"];
    let of_npm = |lock: &&String| FILES.contains(&lock.rsplit('/').next().unwrap_or_default());
    match survey.locks.iter().find(of_npm).and_then(|lock| lock.rsplit_once('/')) {
        Some((folder, _)) if !survey.locks.iter().any(|lock| FILES.contains(&lock.as_str())) => {
            vec!["--prefix".to_owned(), folder.to_owned()]
        }
        _ => Vec::new(),
    }
}
