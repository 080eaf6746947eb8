//! Every output format of every sample: what it says, that all say the same, and that others can read it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::{NOW, Run, root};
use crate::convert::VALIDATE;
use crate::samples::{self, HOSTILE, Sample};

/// What the sample says on a terminal of that many columns.
fn on_terminal(sample: &Sample, columns: u16, no_color: bool) -> String {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let size = rustix::termios::Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&ours, size).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let terminal = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("secgate"));
    command.env_clear().current_dir(sample.dir.path()).args(["check", "--now", NOW]).args(&sample.args);
    command.stdin(Stdio::null()).stderr(Stdio::null()).stdout(terminal);
    if no_color {
        command.env("NO_COLOR", "1");
    }
    let mut child = command.spawn().unwrap();
    drop(command);
    // The last writer gone, reading ends with an error on Linux and with nothing elsewhere.
    let mut said = Vec::new();
    let mut reader = File::from(ours);
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = reader.read(&mut buffer) {
        said.extend_from_slice(&buffer[..read]);
    }
    let said = String::from_utf8(said).unwrap().replace("\r\n", "\n");
    assert_eq!(child.wait().unwrap().code(), Some(sample.code), "{}: {said}", sample.name);
    said
}

/// A text without the colours of a terminal, and nothing else that a terminal obeys.
fn without_colors(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let (numbers, after) = after.split_once('m').unwrap();
        assert!(numbers.bytes().all(|b| b.is_ascii_digit() || b == b';'), "{numbers:?}");
        rest = after;
    }
    plain.push_str(rest);
    assert!(plain.chars().all(|c| c == '\n' || !c.is_control()), "{plain:?}");
    plain
}

#[test]
fn text_on_a_terminal() {
    for sample in samples::all() {
        for columns in [80, 200] {
            let plain = on_terminal(&sample, columns, true);
            let colored = on_terminal(&sample, columns, false);
            assert!(!plain.contains('\u{1b}') && colored.contains("\u{1b}["), "{}", sample.name);
            assert_eq!(without_colors(&colored), plain, "{}: a colour says nothing by itself", sample.name);
            insta::with_settings!({filters => vec![(r"sha256:[0-9a-f]{64}", "sha256:[digest]")]}, {
                insta::assert_snapshot!(format!("text_{}_{columns}", sample.name), plain);
            });
        }
    }
}

#[test]
fn one_screen_tells_verdict_reason_and_steps() {
    for sample in samples::all() {
        let plain = on_terminal(&sample, 80, true);
        // As the terminal shows it: what is wider goes on in the next line.
        let rows = |line: &str| line.chars().count().div_ceil(80).max(1);
        let mut left = 40_usize;
        let shown = plain.lines().rev().take_while(|line| {
            let fits = rows(line) <= left;
            left = left.saturating_sub(rows(line));
            fits
        });
        let shown: Vec<&str> = shown.collect();
        let word = sample.verdict.to_uppercase();
        let holds = |start: &str| shown.iter().any(|line| line.starts_with(start));
        assert!(holds(&format!("[{word}] ")), "{}: {plain}", sample.name);
        let open = !matches!(sample.verdict, "pass" | "error");
        assert!(
            !open || holds(&format!("{word} ")) && holds("To pass: ") && holds("  - "),
            "{}: {shown:?}",
            sample.name
        );
    }
}

/// The outputs of one run, by format.
struct Told {
    name: &'static str,
    verdict: &'static str,
    code: i32,
    texts: BTreeMap<&'static str, String>,
}

impl Told {
    /// One run that writes every format, as GitLab would start it.
    fn of(sample: &Sample) -> Self {
        let formats: Vec<&'static str> = secgate::render::OUTPUTS.iter().map(|output| output.id).collect();
        let mut command = sample.dir.command();
        command.args(["check", "--now", NOW]).args(sample.args.iter().filter(|arg| **arg != "--no-env"));
        command.env("CI_PIPELINE_URL", "https://gitlab.example.com/shop/app/-/pipelines/42");
        command.env("CI_COMMIT_SHA", "1".repeat(40)).env("CI_JOB_ID", "7");
        for format in &formats {
            command.arg("--output").arg(format!("{format}={format}.out"));
        }
        let run = Run::of(&mut command);
        assert_eq!(run.code, sample.code, "{}: {run:?}", sample.name);
        let read = |format: &&'static str| (*format, sample.dir.read(&format!("{format}.out")));
        let texts: BTreeMap<_, _> = formats.iter().map(read).collect();
        assert_eq!(texts["text"], run.stdout);
        Self { name: sample.name, verdict: sample.verdict, code: sample.code, texts }
    }

    fn text(&self, format: &str) -> &str {
        &self.texts[format]
    }

    fn json(&self, format: &str) -> Value {
        serde_json::from_str(self.text(format)).unwrap_or_else(|e| panic!("{} {format}: {e}", self.name))
    }

    fn holds(&self, format: &str, words: &str) {
        assert!(
            self.text(format).contains(words),
            "{} {format}: no {words:?} in {}",
            self.name,
            self.text(format)
        );
    }

    fn variables(&self) -> BTreeMap<&str, &str> {
        self.text("dotenv").lines().map(|line| line.split_once('=').unwrap()).collect()
    }
}

/// Strings at a key of each of these objects.
fn each<'v>(values: impl IntoIterator<Item = &'v Value>, key: &str) -> BTreeSet<String> {
    values.into_iter().map(|value| value[key].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_output_says_the_same() {
    for sample in samples::all() {
        let told = Told::of(&sample);
        let (name, verdict, json) = (told.name, told.verdict, told.json("json"));
        let upper = verdict.to_uppercase();
        let digest = json["findings_digest"].as_str().unwrap();
        let enforced = json["enforced"].as_bool().unwrap();
        assert_eq!((&json["verdict"], &json["exit_code"]), (&verdict.into(), &told.code.into()), "{name}");
        let variables = told.variables();
        assert_eq!(variables["SECGATE_VERDICT"], verdict);
        assert_eq!(variables["SECGATE_EXIT_CODE"], told.code.to_string());
        assert_eq!(variables["SECGATE_FINDINGS_DIGEST"], digest);
        assert!(told.text("text").lines().last().unwrap().starts_with(&format!("[{upper}] ")), "{name}");
        let log = &told.json("sarif")["properties"];
        let said = (&log["verdict"], &log["exitCode"], &log["enforced"], &log["findingsDigest"]);
        assert_eq!(said, (&verdict.into(), &told.code.into(), &enforced.into(), &digest.into()), "{name}");
        told.holds("junit", &format!("<property name=\"verdict\" value=\"{verdict}\"/>"));
        told.holds("junit", &format!("<property name=\"findings_digest\" value=\"{digest}\"/>"));
        told.holds("markdown", &format!("\n### {upper} · "));
        told.holds("markdown", &format!("findings `sha256:{digest}`"));
        told.holds("html", &format!("<h1><span class=\"verdict {verdict}\">{upper}</span> "));
        told.holds("html", &format!("findings sha256:{digest}"));
        let first = &told.json("annotations")["secgate"][0]["external_link"];
        assert!(first["label"].as_str().unwrap().contains(&format!(" gate: {upper}")), "{name}");
        if !enforced {
            for format in ["text", "junit", "markdown", "html"] {
                told.holds(format, "ADVISORY");
            }
        }
        // What stops the change stands in the two that GitLab's widgets read, and only then.
        let stops = verdict != "pass";
        let entries = told.json("codequality");
        let entries = entries.as_array().unwrap();
        let stopping = entries.iter().any(|entry| {
            entry["severity"] != "info" && !entry["description"].as_str().unwrap().starts_with("existing: ")
        });
        assert_eq!(
            (stopping, told.text("junit").contains("<failure") || told.text("junit").contains("<error")),
            (stops, stops),
            "{name}"
        );

        // One identity for each finding.
        let found = json["findings"].as_array().unwrap();
        let prints = each(found, "fingerprint");
        let known = json["known"].as_array().unwrap();
        let old = each(known, "fingerprint");
        let all: BTreeSet<String> = prints.union(&old).cloned().collect();
        let (own, others): (Vec<&Value>, Vec<&Value>) =
            entries.iter().partition(|entry| entry["check_name"].as_str().unwrap().starts_with("secgate/"));
        let plain: BTreeSet<String> = each(others.iter().copied(), "fingerprint")
            .iter()
            .map(|print| print.split('-').next().unwrap().to_owned())
            .collect();
        // Of the known ones those that a rule would look at if they were new; `adopt.rs` has those that none would.
        let unlisted: Vec<_> = all.difference(&plain).cloned().collect();
        assert!(plain.is_subset(&all) && prints.is_subset(&plain), "{name}: {unlisted:?}");
        let most = usize::from(name == "states");
        assert_eq!((unlisted.len(), others.len()), (most, found.len() + known.len() - most), "{name}");
        assert!(own.is_empty() || stops, "{name}");
        let sarif = told.json("sarif");
        let results: Vec<&Value> = sarif["runs"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|run| run["results"].as_array())
            .flatten()
            .collect();
        let in_sarif = |suppressed: bool| -> BTreeSet<String> {
            let of = |result: &&&Value| {
                let reason = &result["suppressions"][0]["justification"];
                let by_scanner = reason.as_str().is_some_and(|why| !why.starts_with("waived"));
                by_scanner == suppressed
            };
            each(results.iter().filter(of).map(|result| &result["partialFingerprints"]), "secgate/v1")
        };
        assert!(in_sarif(false).is_superset(&all), "{name}");
        let suppressed = each(json["suppressed"].as_array().unwrap(), "fingerprint");
        assert_eq!(in_sarif(true), suppressed, "{name}");
        let rows: BTreeSet<&str> = told
            .text("html")
            .split("<tr id=\"")
            .skip(1)
            .map(|row| row.split(['"', '-']).next().unwrap())
            .collect();
        assert_eq!(rows, prints.iter().map(String::as_str).collect(), "{name}");
        for waiver in json["waivers"].as_array().unwrap() {
            for print in waiver["findings"].as_array().unwrap() {
                assert!(in_sarif(false).contains(print.as_str().unwrap()), "{name}");
            }
        }
    }
}

/// True if the program is there; where `.ci/run` demands it, it is.
pub(crate) fn is_there(program: &str, args: &[&str], demand: &str) -> bool {
    let there = Command::new(program).args(args).output().is_ok_and(|output| output.status.success());
    assert!(there || std::env::var_os(demand).is_none(), "no {program} {args:?}");
    if !there {
        eprintln!("skipped: no {program} {args:?}");
    }
    there
}

/// What a validator says of outputs: nothing.
fn judged(sample: &Sample, program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).current_dir(sample.dir.path()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).replace(".out validates\n", ".out: valid\n")
}

#[test]
fn others_validate_what_is_written() {
    let schema = |name: &str| root().join("tests/schemas").join(name).to_str().unwrap().to_owned();
    let all = samples::all();
    for sample in &all {
        Told::of(sample);
    }
    if is_there("xmllint", &["--version"], "SECGATE_DEMAND_XMLLINT") {
        let xsd = schema("junit.xsd");
        let check = |sample: &Sample| {
            judged(sample, "xmllint", &["--noout", "--nonet", "--schema", &xsd, "junit.out"])
        };
        for sample in &all {
            assert_eq!(check(sample), "junit.out: valid\n", "{}", sample.name);
        }
        // The judge itself is awake.
        let text = all[0].dir.read("junit.out");
        all[0].dir.write("junit.out", text.replacen("<testcase classname=", "<testcase class=", 1));
        assert!(check(&all[0]).contains("fails to validate"));
    }
    if is_there("python3", &["-c", "import jsonschema"], "SECGATE_DEMAND_JSONSCHEMA") {
        for (format, name) in [
            ("sarif", "sarif-2.1.0.json"),
            ("annotations", "gitlab-annotations.json"),
            ("codequality", "gitlab-codequality.json"),
        ] {
            let (schema, file) = (schema(name), format!("{format}.out"));
            let files: Vec<String> =
                all.iter().map(|s| s.dir.path().join(&file).to_str().unwrap().to_owned()).collect();
            let mut args = vec!["-c", VALIDATE, &schema];
            args.extend(files.iter().map(String::as_str));
            assert_eq!(judged(&all[0], "python3", &args), "", "{format}");
            all[0].dir.write("wrong", "[{}]");
            assert_ne!(judged(&all[0], "python3", &["-c", VALIDATE, &schema, "wrong"]), "", "{format}");
        }
    }
}

#[test]
fn gitlab_takes_what_is_written() {
    for sample in samples::all() {
        let told = Told::of(&sample);
        let name = told.name;
        // Less than 5 KB, not more than 20 variables, each a name of the shell and a value of one line that needs no quotes.
        assert!(told.text("dotenv").len() < 5 << 10 && told.variables().len() <= 20, "{name}");
        assert_eq!(told.variables().len(), told.text("dotenv").lines().count(), "{name}");
        for (key, value) in told.variables() {
            assert!(
                key.starts_with("SECGATE_")
                    && key.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'),
                "{key}"
            );
            assert!(value.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)), "{key}={value}");
        }
        let entries = told.json("codequality");
        let entries = entries.as_array().unwrap();
        let prints = each(entries, "fingerprint");
        assert_eq!(prints.len(), entries.len(), "{name}: a fingerprint that is not unique is shown once");
        // A note has 1,000,000 characters at most, and no line of it begins a quick action.
        let note = told.text("markdown");
        assert!(
            note.len() < 1_000_000 && !note.lines().any(|line| line.trim_start().starts_with('/')),
            "{name}"
        );
        // `[[ATTACHMENT|path]]` in the output of a failed test is a link.
        assert!(!told.text("junit").contains("[[ATTACHMENT|"), "{name}");
        for link in told.json("annotations")["secgate"].as_array().unwrap() {
            let url = link["external_link"]["url"].as_str().unwrap();
            assert!(url.starts_with("https://gitlab.example.com/shop/app/-/"), "{name}: {url}");
        }
    }
    let clean = Told::of(&samples::clean());
    assert_eq!(clean.json("codequality"), serde_json::json!([]));
}

#[test]
fn old_and_new_are_told_apart() {
    let sample = samples::all().into_iter().find(|sample| sample.name == "states").unwrap();
    let told = Told::of(&sample);
    let json = told.json("json");
    let states = |list: &str| -> Vec<&str> {
        json[list].as_array().unwrap().iter().map(|finding| finding["state"].as_str().unwrap()).collect()
    };
    assert_eq!(
        (states("findings"), states("known")),
        (vec!["newly_disclosed", "new"], vec!["existing", "existing"])
    );
    assert_eq!(json["fixed"].as_array().unwrap().len(), 1);
    let sarif = told.json("sarif");
    let runs = sarif["runs"].as_array().unwrap();
    let results = runs.iter().filter_map(|run| run["results"].as_array()).flatten();
    let mut said: Vec<(&str, &str)> = results
        .map(|result| {
            (result["baselineState"].as_str().unwrap(), result["properties"]["state"].as_str().unwrap())
        })
        .collect();
    said.sort_unstable();
    let wanted =
        [("new", "new"), ("new", "newly_disclosed"), ("unchanged", "existing"), ("unchanged", "existing")];
    assert_eq!(said, wanted);
    for (format, words) in [
        ("text", "1 new, 1 newly disclosed, 2 known, 1 fixed"),
        ("markdown", "1 new, 1 newly disclosed, 2 known, 1 fixed"),
        ("html", "Known before, and matched no rule: 2"),
        ("html", "Fixed since the base"),
        ("codequality", "\"existing: "),
        ("codequality", "\"newly_disclosed: "),
    ] {
        told.holds(format, words);
    }
    // Without a base nothing claims to know what is new.
    let sample = samples::all().into_iter().find(|sample| sample.name == "fail").unwrap();
    assert!(!Told::of(&sample).text("sarif").contains("baselineState"));
}

#[test]
fn fingerprints_are_stable() {
    // Of a finding that moved, and beside another one.
    let (before, after) = samples::moved();
    let prints =
        |sample: &Sample| each(Told::of(sample).json("codequality").as_array().unwrap(), "fingerprint");
    assert!(prints(&after).is_superset(&prints(&before)));
}

#[test]
fn nothing_of_a_report_is_markup() {
    let sample = samples::all().into_iter().find(|sample| sample.name == "hostile").unwrap();
    let told = Told::of(&sample);
    let names: Vec<&str> = told.texts.keys().copied().collect();
    for format in names {
        let text = told.text(format);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{format}");
    }
    for format in ["text", "json", "html", "junit", "sarif", "codequality"] {
        told.holds(format, "evil.example");
    }
    // Every tag of the page is one of ours, and no attribute begins a script.
    let ours = [
        "!DOCTYPE", "a", "body", "br", "button", "code", "div", "footer", "h1", "h2", "head", "header",
        "html", "input", "li", "link", "main", "meta", "option", "p", "script", "section", "select", "span",
        "strong", "style", "table", "tbody", "td", "th", "thead", "title", "tr", "ul",
    ];
    let html = told.text("html");
    let (page, script) = html.split_once("<script>").unwrap();
    assert!(
        !page.contains("<script") && script.split_once("</script>").unwrap().1.trim() == "</body>\n</html>"
    );
    for tag in page.split('<').skip(1) {
        let name: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '!')
            .collect();
        assert!(ours.contains(&name.as_str()), "<{name}");
        let inside = tag.split('>').next().unwrap();
        assert!(
            !inside.contains(" on") && !inside.contains("src=") && !inside.contains("evil"),
            "<{inside}>"
        );
    }
    assert!(!told.text("junit").contains("<![CDATA[") && !told.text("junit").contains(HOSTILE));
    // GitLab finds a note by its marker, and only by ours.
    let note = told.text("markdown");
    assert!(note.starts_with("[//]: # (secgate:gate=merge)\n") && !note.contains("<!--"), "{note}");
    inert(note);
}

/// By a reader of `CommonMark` with every extension: no markup but our own, no link, no image, no mathematics.
pub(crate) fn inert(note: &str) {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    let known = ["<details><summary>", "</details>", "<code>", "</code>"];
    let mut code = false;
    for event in Parser::new_ext(note, Options::all()) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => {
                assert!(known.iter().any(|own| html.starts_with(own)) && !html.contains("script"), "{html}");
                code = html.starts_with("<code>");
            }
            Event::Start(Tag::Link { .. } | Tag::Image { .. })
            | Event::FootnoteReference(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_) => panic!("{event:?}"),
            // GitLab looks for people and references in what is no code.
            Event::Text(text) => assert!(code || !text.contains(['@', '$', '!', '~']), "{text}"),
            _ => {}
        }
    }
}

#[test]
fn notes_of_merge_requests() {
    for sample in samples::all() {
        let told = Told::of(&sample);
        inert(told.text("markdown"));
        if sample.name != "many" {
            insta::with_settings!({filters => vec![(r"sha256:[0-9a-f]{64}", "sha256:[digest]")]}, {
                insta::assert_snapshot!(format!("note_{}", sample.name), told.text("markdown"));
            });
        }
    }
}
