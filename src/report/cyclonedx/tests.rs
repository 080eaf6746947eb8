use super::*;
use crate::finding::{Fix, Scope, Severity, Text};
use crate::report::testing::{ReadText, read_as, read_text};

const VULNERABILITIES: &str = r#""vulnerabilities":[
  {"id":"CVE-2024-22195","source":{"name":"NVD"},"references":[{"id":"GHSA-h5c8-rqwp-cp95"}],
   "ratings":[{"severity":"low"},{"score":7.5,"method":"CVSSv31"},{"severity":"unknown"}],"cwes":[79],
   "description":"Attribute injection","recommendation":"Upgrade jinja2 to version 3.1.3; Upgrade other to version 9",
   "published":"2024-01-11T03:15:00+00:00",
   "affects":[{"ref":"r1","versions":[{"version":"0","status":"affected"}]},{"ref":"pkg:npm/%40a/b@1.0"},{"ref":"r2"}]},
  {"id":"CVE-2024-2","ratings":[{"severity":"critical"}],"analysis":{"state":"not_affected"},"affects":[{"ref":"r2"}]},
  {"bom-ref":"v3","ratings":[]}]"#;
const COMPONENTS: &str = r#""components":[
  {"bom-ref":"r1","type":"library","group":"","name":"jinja2","version":"3.1.2","purl":"pkg:pypi/jinja2@3.1.2","scope":"required",
   "components":[{"bom-ref":"r2","group":"org.slf4j","name":"api","version":"2","purl":"pkg:maven/org.slf4j/api@2","scope":"excluded"}]},
  {"bom-ref":"r9","name":"unrelated"}]"#;
const METADATA: &str = r#""metadata":{"timestamp":"2026-11-20T09:00:00Z","component":{"type":"container","name":"shop:1",
  "purl":"pkg:oci/shop@sha256%3AABCD?repository_url=x","properties":[{"name":"aquasecurity:trivy:RepoDigest","value":"registry/shop@sha256:ef"}]}}"#;
const HEAD: &str = r#""bomFormat":"CycloneDX","specVersion":"1.6""#;

fn document(parts: &[&str]) -> ReadText {
    read_text(&format!("{{{}}}", parts.join(",")))
}

#[test]
fn each_affected_component_is_a_finding_in_any_order_of_keys() {
    let orders = [
        [HEAD, METADATA, COMPONENTS, VULNERABILITIES],
        [HEAD, VULNERABILITIES, COMPONENTS, METADATA],
        [COMPONENTS, VULNERABILITIES, METADATA, HEAD],
    ];
    for order in orders {
        let read = document(&order);
        assert!(read.error.is_none(), "{:?}", read.error);
        assert_eq!((read.findings.len(), read.active().count()), (5, 4));
        let first = &read.findings[0];
        let package = first.package.as_ref().unwrap();
        assert_eq!((package.name.as_str(), package.version.as_str()), ("jinja2", "3.1.2"));
        assert_eq!(package.purl, Some(Text::line("pkg:pypi/jinja2@3.1.2")));
        assert_eq!((first.fix, package.fixed.as_slice()), (Fix::Available, &[Text::line("3.1.3")][..]));
        assert_eq!((first.severity, first.scope), (Severity::High, Some(Scope::Production)));
        assert_eq!((first.cwes.as_slice(), first.ids.len(), first.published.is_some()), (&[79][..], 2, true));
        assert_eq!(first.target.as_ref().map(Text::as_str), Some("shop:1"));
        let second = read.findings[1].package.as_ref().unwrap();
        assert_eq!((second.name.as_str(), second.version.as_str()), ("@a/b", "1.0"));
        let third = &read.findings[2];
        assert_eq!(third.package.as_ref().unwrap().name.as_str(), "org.slf4j:api");
        assert_eq!((third.scope, third.fix), (Some(Scope::Development), Fix::Unknown));
        assert!(read.findings[3].suppressed);
        assert_eq!((read.findings[4].rule_id.as_str(), read.findings[4].severity), ("v3", Severity::Unknown));
        assert_eq!(read.report.target, Some(Target::Image));
        let digests: Vec<&str> = read.report.digests.iter().map(Text::as_str).collect();
        assert_eq!(digests, ["sha256:ef", "sha256:abcd"]);
        assert!(read.report.categories.contains(&Category::Vulnerability));
    }
}

#[test]
fn an_inventory_covers_nothing() {
    for list in ["", r#","vulnerabilities":[]"#] {
        let read = read_text(&format!("{{{HEAD},{COMPONENTS}{list}}}"));
        assert!(read.error.is_none() && read.findings.is_empty());
        assert!(read.report.categories.is_empty());
    }
}

#[test]
fn an_assessment_covers_although_it_takes_everything_away() {
    let read = document(&[HEAD, r#""vulnerabilities":[{"id":"A","analysis":{"state":"resolved"}}]"#]);
    assert_eq!((read.findings.len(), read.active().count()), (1, 0));
    assert!(read.report.categories.contains(&Category::Vulnerability));
}

#[test]
fn only_a_whole_assessment_suppresses() {
    for analysis in [
        r#"["not_affected"]"#,
        r#"{"state":"exploitable","state":"not_affected"}"#,
        r#"{"state":["resolved"]}"#,
        r#""resolved""#,
        r#"{"state":"in_triage"}"#,
    ] {
        let list = format!(r#""vulnerabilities":[{{"id":"A","analysis":{analysis}}}]"#);
        assert_eq!(document(&[HEAD, &list]).active().count(), 1, "{analysis}");
    }
}

#[test]
fn ratings_that_cannot_be_read_make_the_severity_unknown() {
    for (ratings, severity) in [
        (r#"[{"severity":"low"},{"severity":"medium"}]"#, Severity::Medium),
        (r#"[{"severity":"none"}]"#, Severity::Info),
        (r#"[{"score":9.8}]"#, Severity::Critical),
        (r#"[{"score":0.0}]"#, Severity::Info),
        (r#"[{"severity":"low","score":9.8}]"#, Severity::Low),
        (r#"[{"severity":"low"},{"score":1e400}]"#, Severity::Unknown),
        (r#"[{"severity":"low"},{"severity":"cri7ical"}]"#, Severity::Unknown),
        (r#"[{"severity":"low"},7]"#, Severity::Unknown),
        (r#"[{"vector":"x"}]"#, Severity::Unknown),
        (r#"[{"score":"9,8"}]"#, Severity::Critical),
        (r#"[{"score":"x"}]"#, Severity::Unknown),
        (r#"[{"severity":"none","score":9.8}]"#, Severity::Critical),
        (r#"[{"method":"CVSSv31","vector":"CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:L"}]"#, Severity::Low),
        (r#"[{"vector":"AV:N/AC:L/Au:N/C:C/I:C/A:C"}]"#, Severity::Critical),
        (
            r#"[{"severity":"none","score":0.0},{"method":"CVSSv4","vector":"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}]"#,
            Severity::Critical,
        ),
        (
            r#"[{"severity":"none","score":0,"vector":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]"#,
            Severity::Critical,
        ),
        (
            r#"[{"severity":"unknown"},{"method":"EPSS","score":0.94},{"method":"other","score":1.0}]"#,
            Severity::Unknown,
        ),
        (r#"[{"method":"SSVC","score":1}]"#, Severity::Unknown),
        (r#"[{"method":"OWASP","vector":"SL:1/M:1/O:0"},{"severity":"low"}]"#, Severity::Low),
        (r#"[{"method":"OWASP","severity":"high","score":1.0}]"#, Severity::High),
        (r#""high""#, Severity::Unknown),
    ] {
        let list = format!(r#""vulnerabilities":[{{"id":"A","ratings":{ratings}}}]"#);
        assert_eq!(document(&[HEAD, &list]).findings[0].severity, severity, "{ratings}");
    }
}

#[test]
fn what_is_no_list_is_an_error_and_an_unknown_list_a_problem() {
    for list in ["null", "{}", "[1]", "[{}]", r#"[{"id":"a","id":"b"}]"#, "[[]]"] {
        let text = format!("{{{HEAD},\"vulnerabilities\":{list}}}");
        assert!(read_as("cyclonedx", &text).error.is_some(), "{list}");
    }
    assert!(
        read_text(r#"{"bomFormat":"CycloneDY","specVersion":"1.6","vulnerabilities":[]}"#).error.is_some()
    );
    assert!(read_text(r#"{"specVersion":"1.6","vulnerabilities":[]}"#).error.is_some());
    assert_eq!(document(&[HEAD, r#""vulnerabilitiez":[{"id":"A"}]"#]).report.problems_total, 1);
    let nested = r#""components":[{"name":"a","vulnerabilities":[{"id":"A"}]}]"#;
    assert_eq!(document(&[HEAD, nested]).report.problems_total, 1);
}

#[test]
fn xml_is_read_as_the_json_that_it_stands_for() {
    let bom = |components: &str, vulnerabilities: &str| {
        format!(
            "<?xml version='1.0'?><bom xmlns='http://cyclonedx.org/schema/bom/1.4' xmlns:v='http://cyclonedx.org/schema/ext/vulnerability/1.0' version='1'><metadata><timestamp>2026-11-20T09:00:00Z</timestamp><component type='container'><name>shop</name></component></metadata><components><component type='library' bom-ref='a'><group>org.x</group><name>y</name><version>1.0</version><purl>pkg:maven/org.x/y@1.0</purl>{components}</component></components>{vulnerabilities}</bom>"
        )
    };
    let rated = "<ratings><rating><score>9.8</score><severity>critical</severity><method>CVSSv31</method></rating></ratings><cwes><cwe>89</cwe></cwes>";
    let modern = format!(
        "<vulnerabilities><vulnerability><id>CVE-2026-1</id>{rated}<description>D &lt; E</description><affects><target><ref>a</ref></target></affects></vulnerability></vulnerabilities>"
    );
    let extension = "<v:vulnerabilities><v:vulnerability ref='a'><v:id>CVE-2026-1</v:id><v:ratings><v:rating><v:score><v:base>9.8</v:base></v:score><v:severity>Critical</v:severity><v:method>CVSSv3</v:method></v:rating></v:ratings><v:cwes><v:cwe>89</v:cwe></v:cwes></v:vulnerability></v:vulnerabilities>";
    for text in [bom("", &modern), bom("", extension), bom(&extension.replace(" ref='a'", ""), "")] {
        let read = read_text(&text);
        assert!(read.error.is_none(), "{text}: {:?}", read.error);
        let finding = &read.findings[0];
        assert_eq!(
            (read.format, read.findings.len(), finding.severity),
            (Some("cyclonedx"), 1, Severity::Critical)
        );
        let package = finding.package.as_ref().unwrap();
        assert_eq!((package.name.as_str(), package.version.as_str()), ("org.x:y", "1.0"));
        assert_eq!((finding.cwes.as_slice(), finding.cvss.is_some()), (&[89][..], true));
    }
    assert!(read_text(&bom("", "")).report.categories.is_empty(), "an inventory");
    for text in [
        "<bom/>",
        "<bom xmlns='http://x.invalid/1'/>",
        "<bom xmlns='http://cyclonedx.org/schema/bom/1.4'>",
        "<other/>",
    ] {
        assert!(read_as("cyclonedx", text).error.is_some(), "{text}");
    }
}

#[test]
fn of_xml_a_rating_has_one_severity() {
    let of = |rating: &str| {
        format!(
            "<bom xmlns='http://cyclonedx.org/schema/bom/1.4' version='1'><vulnerabilities><vulnerability><id>CVE-2026-1</id><ratings><rating>{rating}</rating></ratings></vulnerability></vulnerabilities></bom>"
        )
    };
    let error = read_as("cyclonedx", &of("<severity>low</severity><severity>critical</severity>")).error;
    let error = error.map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("`rating` has 2 elements `severity`, and one is expected"), "{error}");
    assert!(read_as("cyclonedx", &of("<severity>low</severity>")).error.is_none());
}
