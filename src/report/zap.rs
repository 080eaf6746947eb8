//! ZAP's report in JSON and XML (templates `traditional-json`, `traditional-xml` and those with `-plus`; before 2.11 the JSON
//! was made of the XML, and so XML is read as the JSON that it stands for).
//!
//! Source of the shapes: `report.json` of those templates in the zap-extensions repository, and `ReportGenerator` of
//! zaproxy, whose XML serialiser wrote an object where there was one site, alert or instance. One alert of one site is
//! a finding, whatever the number of its instances. Numbers are strings. What was sent and received (`attack`,
//! `evidence`, `param`, headers, bodies) is not kept, nor the query of an address.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::field::{first_of, scalar, suppress, text};
use super::json::{Json, JsonKind};
use super::secret::{unknown, without_credentials};
use super::tree::Tree;
use super::value::cwe_numbers;
use super::web_address::{stable_place, without_values};
use super::xml_tree::{SingleElements, converted, refuse_repeated};
use super::{Format, Opening, ProblemKind, ReadError, Reading};
use crate::finding::{
    Attribute, Category, Confidence, Finding, FingerprintBuilder, Location, Severity, Text,
};

/// ZAP JSON.
pub(super) static FORMAT: Format = Format {
    id: "zap",
    title: "ZAP JSON and XML: weaknesses of a running application",
    tool: "zap",
    tried: "2.7.0 to 2.17.0",
    signals: &[
        "`insights` of level High, a scan that was stopped",
        "a spider that did not finish",
        "no site: nothing scanned",
    ],
    categories: &[Category::Dast],
    attributes: &[Attribute::Confidence],
    looks_like,
    read_report,
    ..Format::PLAIN
};

/// Keys that GitLab's DAST reports had beside those of ZAP, from which they were made. The first of them had only
/// `spider`, and no list of their own: those are read as ZAP's.
const GITLAB: [&str; 3] = ["vulnerabilities", "scan", "remediations"];

fn looks_like(opening: &Opening) -> bool {
    if opening.root.as_deref() == Some(ROOT) {
        return true;
    }
    // Behind `spider` a list of GitLab's may follow.
    let theirs = opening.has("spider") && !opening.whole || GITLAB.iter().any(|key| opening.has(key));
    if !opening.is_object() || theirs {
        return false;
    }
    let signed = opening.has("@version") && opening.has("@generated");
    match opening.get("site") {
        Some(site) if site.kind == Some(JsonKind::Object) || site.lists_objects() => {
            site.has("alerts") || site.has("@name") || signed && site.has("@host")
        }
        Some(site) => site.is_empty_array() && signed,
        None => opening.whole && signed,
    }
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    if json.begins(b"<")? {
        return read_document(&mut converted(json, from_xml)?, reading);
    }
    read_document(json, reading)
}

/// Root element of the XML report.
const ROOT: &str = "OWASPZAPReport";

/// Elements of an alert, but for its instances.
const OF_ALERT: [&str; 8] =
    ["pluginid", "alertRef", "name", "alert", "riskcode", "riskdesc", "confidence", "cweid"];
/// Elements of an instance.
const OF_INSTANCE: [&str; 3] = ["uri", "method", "param"];
const OF_INSIGHT: [&str; 4] = ["level", "key", "description", "statistic"];
/// Elements that stand once.
const SINGLE: [SingleElements; 3] =
    [("alertitem", &OF_ALERT), ("instance", &OF_INSTANCE), ("insight", &OF_INSIGHT)];

/// The XML report as the JSON that ZAP makes of it; `null` for XML of another kind.
fn from_xml(name: &str, report: Tree<'_>) -> Result<Value, String> {
    if name != ROOT {
        return Ok(Value::Null);
    }
    refuse_repeated(name, report, &SINGLE)?;
    for site in report.list("site") {
        holds_only(site, "alerts", "alertitem")?;
        for alert in site.children("alerts", "alertitem") {
            holds_only(alert, "instances", "instance")?;
        }
    }
    let mut document: Map<String, Value> = report
        .members("")
        .filter(|(key, _)| key.starts_with('@'))
        .map(|(key, value)| (key.to_owned(), value.value().clone()))
        .collect();
    let sites = report.list("site").map(|site| {
        let mut told = Map::from_iter([("@name".to_owned(), Value::from(site.text("@name")))]);
        if site.has("alerts") {
            let alerts = site.children("alerts", "alertitem").map(alert_from_xml);
            told.insert("alerts".to_owned(), alerts.collect());
        }
        Value::Object(told)
    });
    document.insert("site".to_owned(), sites.collect());
    let texts = |of: Tree<'_>, keys: &[&str]| -> Map<String, Value> {
        keys.iter().map(|key| ((*key).to_owned(), Value::from(of.child_text(key)))).collect()
    };
    let insights = report.children("insights", "insight");
    let insights = insights.map(|i| Value::Object(texts(i, &OF_INSIGHT)));
    document.insert("insights".to_owned(), insights.collect());
    Ok(Value::Object(document))
}

/// An alert under another name is none that was left out in silence.
fn holds_only(of: Tree<'_>, list: &str, element: &str) -> Result<(), String> {
    let other = of.list(list).flat_map(|list| list.members("")).find(|(key, _)| {
        // The rest are attributes and text.
        *key != element && !key.starts_with(['@', '#'])
    });
    other
        .map_or(Ok(()), |(key, _)| Err(format!("`{key}` is no element of `{list}`, which holds `{element}`")))
}

fn alert_from_xml(item: Tree<'_>) -> Value {
    let mut told: Map<String, Value> = OF_ALERT
        .iter()
        .filter(|key| item.has(key))
        .map(|key| ((*key).to_owned(), Value::from(item.child_text(key))))
        .collect();
    let instances = item.children("instances", "instance")
        .map(|i| json!({"uri": i.child_text("uri"), "method": i.child_text("method"), "param": i.child_text("param")}));
    told.insert("instances".to_owned(), instances.collect());
    Value::Object(told)
}

fn read_document(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    reading.covers(Category::Dast);
    let (mut sites, mut created, mut generated) = (0, None, None);
    json.object(|json, key| match key {
        "site" => each(json, &mut |json| {
            sites += 1;
            site(json, reading, sites)
        }),
        "@version" => text(json).map(|version| reading.version(&version)),
        "@generated" => text(json).map(|time| generated = Some(time)),
        "created" => text(json).map(|time| created = Some(time)),
        // An insight is about the scan; the one that stopped it is named once more.
        "stoppingInsight" if json.kind()? == JsonKind::Object => stopped(json, reading),
        "afPlanErrors" if json.kind()? == JsonKind::Array => json.array(|json, _| {
            json.skip()?;
            reading.problem(ProblemKind::Scan, "the automation plan had an error (afPlanErrors)", None);
            Ok(())
        }),
        "spider" if json.kind()? == JsonKind::Object => spider(json, reading),
        "insights" if json.kind()? == JsonKind::Array => json.array(|json, _| insight(json, reading)),
        "insights" | "sequences" | "spider" => json.skip(),
        key if GITLAB.contains(&key) => {
            Err(json.shape("no ZAP report: GitLab's DAST reports have this key (format gitlab-dast)"))
        }
        _ => unknown(json, reading),
    })?;
    if let Some(time) = created.or(generated) {
        reading.generated(&civil(&time).unwrap_or(time));
    }
    if sites == 0 {
        reading.nothing_scanned("no site was scanned (site is empty)");
    }
    Ok(())
}

/// `Wed, 5 Dec 2018 19:00:19`, without a zone.
fn civil(time: &str) -> Option<String> {
    let time = jiff::civil::DateTime::strptime("%a, %d %b %Y %H:%M:%S", time.trim()).ok()?;
    Some(time.to_string())
}

/// Each element of a list of objects, or the one object in its place.
fn each(
    json: &mut Json,
    element: &mut dyn FnMut(&mut Json) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    if json.kind()? == JsonKind::Object { element(json) } else { json.array(|json, _| element(json)) }
}

fn stopped(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    let mut why = String::new();
    json.object(|json, key| match key {
        "description" => text(json).map(|text| why = without_credentials(&text)),
        _ => json.skip(),
    })?;
    reading.problem(ProblemKind::Scan, &format!("ZAP stopped the scan (stoppingInsight): {why}"), None);
    Ok(())
}

/// Observations of ZAP about the scan itself: at level High, such as most requests having failed, part of the application
/// was not looked at.
fn insight(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    if json.kind()? != JsonKind::Object {
        return json.skip();
    }
    let (mut level, mut key, mut words, mut statistic) = Default::default();
    json.object(|json, name| {
        let fact: &mut String = match name {
            "level" => &mut level,
            "key" => &mut key,
            "description" => &mut words,
            "statistic" => &mut statistic,
            _ => return json.skip(),
        };
        *fact = scalar(json)?;
        Ok(())
    })?;
    if level.trim().eq_ignore_ascii_case("high") {
        let said = without_credentials(first_of(&[&words, &key]));
        let number = if statistic.is_empty() { String::new() } else { format!(": {statistic}") };
        reading.problem(ProblemKind::Scan, &format!("insights: {said}{number}"), None);
    }
    Ok(())
}

/// How the crawl went, in the reports of GitLab's DAST.
fn spider(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    json.object(|json, key| {
        if key != "state" {
            return json.skip();
        }
        if !text(json)?.trim().eq_ignore_ascii_case("finished") {
            reading.problem(ProblemKind::Scan, "the spider did not finish (spider.state)", None);
        }
        Ok(())
    })
}

fn site(json: &mut Json, reading: &mut Reading<'_>, nth: usize) -> Result<(), ReadError> {
    let place = format!("site {nth}");
    let mut name = None;
    let (mut alerts, mut late) = (false, false);
    json.object(|json, key| match key {
        "@name" => text(json).map(|text| name = Some(text)),
        "alerts" => {
            alerts = true;
            let known = name.as_deref().or(reading.known(&place)).map(str::to_owned);
            late |= known.is_none();
            each(json, &mut |json| alert(json, reading, known.as_deref().unwrap_or_default()))
        }
        "statistics" => json.skip(),
        _ => unknown(json, reading),
    })?;
    if !alerts {
        return Err(json.shape("a site of ZAP has a list `alerts`"));
    }
    if let Some(name) = name.filter(|_| late) {
        reading.late(place, &name);
    }
    Ok(())
}

/// Retained part of an alert.
#[derive(Default)]
struct Alert {
    plugin: String,
    reference: String,
    name: String,
    old_name: String,
    risk: Option<String>,
    words: String,
    confidence: String,
    cwe: String,
    /// Address of the first instance.
    address: Option<String>,
    /// Method, place and parameter of each.
    instances: BTreeSet<(String, String, String)>,
}

fn alert(json: &mut Json, reading: &mut Reading<'_>, site: &str) -> Result<(), ReadError> {
    let mut alert = Alert::default();
    let mut wrapped = false;
    json.object(|json, key| match key {
        "alertitem" => {
            wrapped = true;
            each(json, &mut |json| self::alert(json, reading, site))
        }
        "pluginid" => scalar(json).map(|id| alert.plugin = id),
        "alertRef" => scalar(json).map(|id| alert.reference = id),
        "name" => text(json).map(|name| alert.name = name),
        "alert" => text(json).map(|name| alert.old_name = name),
        "riskcode" => scalar(json).map(|code| alert.risk = Some(code)),
        "riskdesc" => text(json).map(|words| alert.words = words),
        "confidence" => scalar(json).map(|code| alert.confidence = code),
        "cweid" => scalar(json).map(|id| alert.cwe = id),
        "instances" if matches!(json.kind()?, JsonKind::Array | JsonKind::Object) => {
            each(json, &mut |json| instance(json, &mut alert))
        }
        _ => json.skip(),
    })?;
    let says = [&alert.plugin, &alert.reference, &alert.name, &alert.old_name];
    if says.iter().any(|text| !text.is_empty()) || alert.risk.is_some() {
        reading.finding(alert.finding(site, reading.roots()));
        return Ok(());
    }
    if wrapped { Ok(()) } else { Err(json.shape("no alert of ZAP: it has neither `pluginid` nor `name`")) }
}

/// Keeps what tells an instance from others, and the address of the first.
fn instance(json: &mut Json, alert: &mut Alert) -> Result<(), ReadError> {
    if json.kind()? != JsonKind::Object {
        return json.skip();
    }
    let (mut uri, mut method, mut param) = (None, String::new(), String::new());
    let mut wrapped = false;
    json.object(|json, key| match key {
        "uri" => text(json).map(|text| uri = Some(text)),
        "method" => text(json).map(|text| method = text),
        "param" => text(json).map(|text| param = text),
        "instance" if matches!(json.kind()?, JsonKind::Array | JsonKind::Object) => {
            wrapped = true;
            each(json, &mut |json| instance(json, alert))
        }
        _ => json.skip(),
    })?;
    if wrapped && uri.is_none() {
        return Ok(());
    }
    let uri = uri.unwrap_or_default();
    if alert.address.is_none() {
        alert.address = Some(without_values(&uri).to_owned());
    }
    alert.instances.insert((method.to_ascii_uppercase(), stable_place(&uri), param));
    Ok(())
}

/// Severity and confidence of the words `High (Medium)`; languages other than English say nothing here.
fn of_words(words: &str) -> (Option<Severity>, Option<Confidence>) {
    let (risk, confidence) = words.split_once('(').unwrap_or((words, ""));
    let risk = match risk.trim().to_ascii_lowercase().as_str() {
        "high" => Some(Severity::High),
        "medium" => Some(Severity::Medium),
        "low" => Some(Severity::Low),
        "informational" => Some(Severity::Info),
        _ => None,
    };
    let confidence = match confidence.trim_end_matches(')').trim().to_ascii_lowercase().as_str() {
        "high" | "confirmed" | "user confirmed" => Some(Confidence::High),
        "medium" => Some(Confidence::Medium),
        "low" => Some(Confidence::Low),
        _ => None,
    };
    (risk, confidence)
}

impl Alert {
    fn finding(&self, site: &str, roots: &[String]) -> Finding {
        let (said, sure) = of_words(&self.words);
        let severity = match self.risk.as_deref().unwrap_or_default().trim() {
            "0" => Severity::Info,
            "1" => Severity::Low,
            "2" => Severity::Medium,
            "3" => Severity::High,
            _ => Severity::Unknown,
        };
        // Both say the same unless someone changed one of them: the worse counts.
        let rank = |severity: &Severity| severity.rank(Severity::Unknown);
        let severity = match said {
            Some(said) if severity != Severity::Unknown => [severity, said].into_iter().max_by_key(rank),
            _ => None,
        }
        .unwrap_or(severity);
        let rule = first_of(&[&self.plugin, &self.reference]);
        let mut finding = Finding::new(Category::Dast, FORMAT.tool, rule, severity);
        if self.reference != rule && !self.reference.is_empty() {
            finding.rule_aliases.push(Text::line(&self.reference));
        }
        let word = self.words.split('(').next().unwrap_or_default().trim();
        let native = first_of(&[word, self.risk.as_deref().unwrap_or_default()]);
        finding.native_severity = Some(Text::line(native)).filter(|word| !word.is_empty());
        let code = self.confidence.trim();
        // 0 is what a person marked as a false positive.
        if code == "0" && sure.is_none() {
            suppress(&mut finding, "marked as a false positive", &[]);
        }
        finding.confidence = match code {
            "1" => Some(Confidence::Low),
            "2" => Some(Confidence::Medium),
            "3" | "4" => Some(Confidence::High),
            _ => sure,
        };
        let name = first_of(&[&self.name, &self.old_name]);
        finding.title = Text::line(first_of(&[name, rule]));
        finding.cwes = cwe_numbers([self.cwe.as_str()]);
        let host = without_values(site);
        let address = self.address.as_deref().filter(|a| !a.is_empty()).unwrap_or(host);
        finding.location = Location::new(address, None, None, roots);
        finding.target = Some(Text::line(host)).filter(|host| !host.is_empty());
        // Review applications have hosts of their own, and which instance comes first is chance. Of what an attack showed
        // one place more is more than was known; where a passive rule saw a header is chance, too. A new version of ZAP
        // may word an alert anew.
        let id = FingerprintBuilder::new(Category::Dast.as_str()).part(rule).part(&self.reference);
        let instances = self
            .instances
            .iter()
            .filter(|_| severity.rank(Severity::Critical) >= Severity::High.rank(Severity::Critical));
        let id = instances
            .fold(id, |id, (method, place, param)| id.part("instance").part(method).part(place).part(param));
        finding.identify_at(if rule == name { id.folded(name) } else { id }, "");
        finding
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Generated;
    use crate::report::testing::{ReadText, read_as, read_text};

    const ALERT: &str = r#"{"pluginid":"40018","alertRef":"40018-1","alert":"SQL Injection","name":"SQL Injection","riskcode":"3",
        "confidence":"2","riskdesc":"High (Medium)","desc":"<p>d</p>","count":"2","cweid":"89","wascid":"19","tags":[{"tag":"a"}],
        "instances":[{"uri":"http://u:hunter2@shop.test:8080/a?token=hunter2","method":"GET","evidence":"hunter2"},{"uri":"http://shop.test/b"}]}"#;

    fn report(alerts: &str) -> ReadText {
        read_text(&format!(
            r#"{{"@programName":"ZAP","@version":"2.16.1","@generated":"Wed, 5 Dec 2018 19:00:19","created":"2018-12-05T18:00:19.5Z",
                "insights":[{{"level":"Low"}}],
                "site":[{{"@name":"http://shop.test:8080","@host":"shop.test","@port":"8080","@ssl":"false","alerts":[{alerts}]}}]}}"#
        ))
    }

    #[test]
    fn xml_is_read_as_the_json_that_it_stands_for() {
        let text = "<?xml version=\"1.0\"?><OWASPZAPReport version=\"2.16.1\" generated=\"Wed, 5 Dec 2018 19:00:19\"><site name=\"http://shop.test:8080\" host=\"shop.test\"><alerts>\
            <alertitem><pluginid>40018</pluginid><alertRef>40018-1</alertRef><name>SQL Injection &amp; more</name><riskcode>3</riskcode><confidence>2</confidence><riskdesc>High (Medium)</riskdesc>\
            <instances><instance><uri>http://u:hunter2@shop.test:8080/a?token=hunter2</uri><evidence>hunter2</evidence></instance></instances><cweid>89</cweid></alertitem></alerts></site></OWASPZAPReport>";
        let read = read_text(text);
        assert!(read.error.is_none(), "{:?}", read.error);
        let finding = &read.findings[0];
        assert_eq!(
            (read.format, finding.severity, finding.cwes.as_slice()),
            (Some("zap"), Severity::High, &[89][..])
        );
        assert_eq!(finding.title.as_str(), "SQL Injection & more");
        assert!(!format!("{:?}", read.findings).contains("hunter2"));
        let clean = "<OWASPZAPReport version='2.9.0' generated='x'><site name='http://shop.test'><alerts/></site></OWASPZAPReport>";
        assert!(read_text(clean).report.nothing_scanned.is_none());
        assert!(
            read_text("<OWASPZAPReport version='2.9.0' generated='x'/>").report.nothing_scanned.is_some()
        );
        for text in
            ["<OWASPZAPReport><site name='a'/></OWASPZAPReport>", "<OWASPZAPReport><site>", "<other/>"]
        {
            assert!(read_as("zap", text).error.is_some(), "{text}");
        }
    }

    #[test]
    fn an_insight_of_level_high_is_a_scan_that_saw_a_part() {
        let read = read_text(
            r#"{"@version":"2.17.0","@generated":"x","created":"2026-01-01T00:00:00Z","site":[{"@name":"http://shop.test","alerts":[]}],
                "insights":[{"level":"High","key":"insight.network.failure","description":"Percentage of network failures","statistic":"96"},
                            {"level":"Medium","key":"insight.code.4xx","description":"d","statistic":7},{"level":"Info"},null]}"#,
        );
        assert!(read.error.is_none(), "{:?}", read.error);
        let said: Vec<&str> = read.report.problems.iter().map(|p| p.message.as_str()).collect();
        assert_eq!(said, ["insights: Percentage of network failures: 96"]);
    }

    #[test]
    fn an_alert_is_a_finding_whatever_its_instances() {
        let read = report(ALERT);
        assert!(read.error.is_none(), "{:?}", read.error);
        assert_eq!((read.format, read.findings.len()), (Some("zap"), 1));
        let finding = &read.findings[0];
        assert_eq!((finding.rule_id.as_str(), finding.title.as_str()), ("40018", "SQL Injection"));
        assert_eq!((finding.severity, finding.confidence), (Severity::High, Some(Confidence::Medium)));
        assert_eq!((finding.cwes.as_slice(), finding.path()), (&[89][..], Some("shop.test:8080/a")));
        assert_eq!(finding.target.as_ref().map(Text::as_str), Some("shop.test:8080"));
        assert!(!format!("{finding:?}").contains("hunter2"));
        assert!(matches!(read.report.generated, Generated::At(_)));
        assert!(read.report.problems.is_empty() && read.report.nothing_scanned.is_none());
    }

    #[test]
    fn numbers_are_strings_or_numbers_and_words_bear_them_out() {
        let of = |risk: &str, words: &str| {
            let text = ALERT.replace("\"riskcode\":\"3\"", &format!("\"riskcode\":{risk}"));
            report(&text.replace("High (Medium)", words)).findings.remove(0).severity
        };
        assert_eq!(of("\"2\"", ""), Severity::Medium);
        assert_eq!(of("1", "Faible (Moyen)"), Severity::Low);
        assert_eq!(of("\"0\"", "Informational (Low)"), Severity::Info);
        assert_eq!(of("\"1\"", "High (Medium)"), Severity::High);
        assert_eq!(of("\"3\"", "Low (Medium)"), Severity::High);
        for odd in ["\"4\"", "\"\"", "null", "{}", "-1", "1e400", "\"High\""] {
            assert_eq!(of(odd, "Low (Medium)"), Severity::Unknown, "{odd}");
        }
    }

    #[test]
    fn a_false_positive_is_suppressed_unless_its_words_differ() {
        let of = |confidence: &str, words: &str| {
            let text = ALERT.replace("\"confidence\":\"2\"", &format!("\"confidence\":{confidence}"));
            report(&text.replace("High (Medium)", words)).findings.remove(0).suppressed
        };
        assert!(of("\"0\"", "High (False Positive)") && of("0", ""));
        assert!(!of("\"0\"", "High (Medium)") && !of("\"1\"", "High (False Positive)"));
    }

    #[test]
    fn objects_in_place_of_lists() {
        let text = format!(
            r#"{{"@version":"2.7.0","@generated":"x","site":{{"alerts":{{"alertitem":[{ALERT},{ALERT}]}},"@name":"https://one.test"}}}}"#
        );
        let read = read_text(&text);
        assert!(read.error.is_none(), "{:?}", read.error);
        assert_eq!(read.findings.len(), 2);
        assert_eq!(read.findings[0].target.as_ref().map(Text::as_str), Some("one.test"));
        assert_eq!(read.report.generated, Generated::Unreadable);
        let one = ALERT.replace("[{\"uri\"", "{\"instance\":[{\"uri\"").replace("/b\"}]", "/b\"}]}");
        let read = read_text(&format!(r#"{{"site":{{"@name":"a","alerts":{one}}}}}"#));
        assert_eq!((read.findings.len(), read.findings[0].path()), (1, Some("shop.test:8080/a")));
    }

    #[test]
    fn no_site_is_nothing_scanned() {
        for site in [r#","site":[]"#, ""] {
            let read = read_text(&format!(r#"{{"@version":"2.16.1","@generated":"x"{site}}}"#));
            assert!(read.error.is_none() && read.report.nothing_scanned.is_some(), "{site}");
        }
        let clean = report("");
        assert!(clean.error.is_none() && clean.report.nothing_scanned.is_none());
    }

    /// The reports of GitLab's DAST before it had a list `vulnerabilities`.
    #[test]
    fn a_spider_beside_the_sites_tells_how_it_went() {
        let of = |state: &str, more: &str| {
            read_text(&format!(
                r#"{{"@generated":"Thu, 10 Oct 2019 21:20:27","@version":"2.8.0","site":[{{"@name":"http://a",
                "alerts":[]}}],"spider":{{"progress":"100","state":"{state}","result":{{"urlsInScope":[{{}}]}}}}{more}}}"#
            ))
        };
        let read = of("FINISHED", "");
        assert_eq!((read.error.is_none(), read.format), (true, Some("zap")));
        assert!(read.report.problems.is_empty() && read.report.nothing_scanned.is_none());
        assert_eq!(of("RUNNING", "").report.problems.len(), 1);
        assert_ne!(of("FINISHED", r#","version":"2.3","vulnerabilities":[]"#).format, Some("zap"));
    }

    #[test]
    fn a_scan_that_stopped_is_not_whole() {
        for more in [
            r#""stoppingInsight":{"level":"High","description":"Too many errors"}"#,
            r#""afPlanErrors":["Job spider failed"]"#,
            r#""sites":[{"alerts":[]}]"#,
        ] {
            let read = read_text(&format!(r#"{{{more},"site":[{{"@name":"a","alerts":[]}}]}}"#));
            assert_eq!(read.report.problems.len(), 1, "{more}: {:?}", read.error);
        }
    }

    #[test]
    fn what_is_no_zap_report_is_refused() {
        for text in [
            r#"{"site":null}"#,
            r#"{"site":["x"]}"#,
            r#"{"site":[{"@name":"a"}]}"#,
            r#"{"site":[{"@name":"a","alerts":null}]}"#,
            r#"{"site":[{"@name":"a","alerts":[{}]}]}"#,
            r#"{"site":[{"@name":"a","alerts":["x"]}]}"#,
            r#"{"site":[],"vulnerabilities":[]}"#,
            "[]",
        ] {
            assert!(read_as("zap", text).error.is_some(), "{text}");
        }
        assert!(read_text(r#"{"site":"http://a","@version":"1"}"#).error.is_some());
    }

    #[test]
    fn an_instance_more_is_another_finding() {
        let of = |instances: &str| {
            let alert = format!(r#"{{"pluginid":"1","name":"n","riskcode":"3","instances":[{instances}]}}"#);
            let read = report(&alert);
            assert!(read.error.is_none(), "{:?}", read.error);
            read.findings[0].fingerprint
        };
        let one = r#"{"uri":"https://a.test/x?q=1","method":"GET","param":"q"}"#;
        let other = r#"{"uri":"https://a.test/y","method":"GET","param":"q"}"#;
        assert_eq!(of(one), of(&one.replace("a.test", "b.test").replace("q=1", "q=2")));
        assert_eq!(of(&format!("{one},{other}")), of(&format!("{other},{one},{one}")));
        assert_ne!(of(one), of(&format!("{one},{other}")));
        for (from, to) in [("/x", "/admin"), ("GET", "POST"), (r#""param":"q""#, r#""param":"id""#)] {
            assert_ne!(of(one), of(&one.replace(from, to)), "{to}");
        }
        let xml = "<OWASPZAPReport version='2.16.1' generated='x'><site name='http://shop.test'><alerts><alertitem>\
            <pluginid>1</pluginid><name>n</name><riskcode>3</riskcode><instances><instance><uri>https://a.test/x?q=1</uri>\
            <method>GET</method><param>q</param></instance></instances></alertitem></alerts></site></OWASPZAPReport>";
        assert_eq!(read_text(xml).findings[0].fingerprint, of(one));
    }

    #[test]
    fn xml_says_nothing_twice_and_holds_nothing_unknown() {
        let of = |item: &str| {
            let text = format!(
                "<OWASPZAPReport version='2.16.1'><site name='http://a'><alerts>{item}</alerts></site></OWASPZAPReport>"
            );
            read_as("zap", &text).error.map(|error| error.to_string()).unwrap_or_default()
        };
        let item =
            "<alertitem><pluginid>1</pluginid><riskcode>0</riskcode><riskcode>3</riskcode></alertitem>";
        assert!(of(item).contains("`alertitem` has 2 elements `riskcode`"), "{}", of(item));
        let item = "<alertItem><pluginid>1</pluginid><riskcode>3</riskcode></alertItem>";
        assert!(of(item).contains("`alertItem` is no element of `alerts`"), "{}", of(item));
        let item = "<alertitem><pluginid>1</pluginid><instances><x/></instances></alertitem>";
        assert!(of(item).contains("`x` is no element of `instances`"), "{}", of(item));
    }
}
