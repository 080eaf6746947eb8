use super::*;
use crate::report::testing::{ReadText, read_as, read_sound, read_text};

fn messages(read: &ReadText) -> Vec<&str> {
    read.report.problems.iter().map(|p| p.message.as_str()).collect()
}

#[test]
fn failed_and_errored_cases_are_findings() {
    let read = read_sound(
        "junit",
        r#"<?xml version="1.0" encoding="utf-8"?>
        <testsuites name="all"><testsuite name="pytest" tests="5" failures="1" errors="1" skipped="1" time="0.1">
          <properties><property name="a" value="b"/></properties>
          <testcase classname="tests.test_cart.Cart" name="test_total" file="tests/test_cart.py" line="11">
            <failure message="assert 'hunter2' == 'x'" type="AssertionError">hunter2 &lt;b&gt;</failure><system-out>hunter2</system-out>
          </testcase>
          <testcase classname="tests.test_cart" name="test_&#228;"><error message="boom: hunter2"><![CDATA[<hunter2>]]></error></testcase>
          <testcase classname="tests.test_cart" name="c"/>
          <testcase classname="tests.test_cart" name="d"><skipped message="later"/></testcase>
          <testcase name="e"><flakyFailure message="once">x</flakyFailure></testcase>
        </testsuite></testsuites>"#,
    );
    assert_eq!(read.findings.len(), 2);
    let first = &read.findings[0];
    assert_eq!((first.category, first.severity), (Category::Quality, Severity::High));
    assert_eq!(first.rule_id.as_str(), "tests.test_cart.Cart.test_total");
    assert_eq!(first.title.as_str(), "tests.test_cart.Cart.test_total failed (AssertionError)");
    let place = first.location.as_ref().unwrap();
    assert_eq!((place.path.as_str(), place.line), ("tests/test_cart.py", Some(12)));
    assert_eq!(read.findings[1].rule_id.as_str(), "tests.test_cart.test_ä");
    assert!(!format!("{:?}", read.findings).contains("hunter2"));
    assert!(messages(&read).is_empty() && read.report.nothing_scanned.is_none());
}

#[test]
fn suites_in_suites_with_either_way_to_count() {
    let inner = r#"<testsuite name="in" tests="2" failures="1" errors="0" file="a.php">
        <testcase name="a" line="7"><failure/><failure/></testcase><testcase name="b"/></testsuite>"#;
    for counts in [
        r#"tests="2" failures="1" errors="0""#,
        r#"tests="3" failures="1" errors="0""#,
        r#"tests="1" failures="0" errors="0""#,
        "",
    ] {
        let read =
            read_sound("junit", &format!(r#"<testsuite {counts}>{inner}<testcase name="c"/></testsuite>"#));
        assert_eq!((read.findings.len(), messages(&read)), (1, vec![]), "{counts}");
        let place = read.findings[0].location.as_ref().unwrap();
        assert_eq!((place.path.as_str(), place.line), ("a.php", Some(7)));
    }
}

#[test]
fn counts_without_cases_are_a_runner_that_died() {
    for (counts, problems) in [
        (r#"tests="2" failures="1" errors="0""#, 0),
        (r#"tests="2" failures="0" errors="1""#, 0),
        (r#"tests="2" errors="1""#, 0),
        (r#"tests="2""#, 0),
        (r#"tests="9" failures="1" errors="0""#, 0),
        (r#"tests="1" failures="1" errors="0""#, 0),
        (r#"tests="2" failures="3" errors="0""#, 1),
        (r#"tests="2" failures="1" errors="1""#, 1),
        (r#"tests="2" failures="0" errors="0""#, 1),
        (r#"tests="many" failures="1" errors="0""#, 1),
        (r#"tests="152" failures="1" errors="0" hostname="tbd""#, 0),
    ] {
        let text = format!(
            r#"<testsuite name="s" {counts}><testcase name="a"><failure message="x"/></testcase><testcase name="b"/></testsuite>"#
        );
        let read = read_sound("junit", &text);
        assert_eq!(
            (read.findings.len(), messages(&read).len()),
            (1, problems),
            "{counts}: {:?}",
            messages(&read)
        );
    }
    let empty = r#"<testsuites><testsuite tests="1" failures="0"><testsuite tests="0" name="in"/></testsuite></testsuites>"#;
    assert!(messages(&read_sound("junit", empty)).is_empty());
    let died = read_sound(
        "junit",
        r#"<testsuites tests="3" failures="3"><testsuite tests="1"><testcase name="a"/></testsuite></testsuites>"#,
    );
    assert_eq!(messages(&died), ["a suite counts 3 failures and errors and holds 0 failed test cases"]);
    let died = read_sound(
        "junit",
        r#"<testsuites><testsuite tests="3" failures="0"/><testsuite tests="1"><testcase name="a"/></testsuite></testsuites>"#,
    );
    assert_eq!(messages(&died), ["a suite counts tests and holds no test case"]);
}

/// pytest 9 and unittest count subtests that passed, and write no case for them.
#[test]
fn subtests_that_passed_are_no_fault() {
    let read = read_sound(
        "junit",
        r#"<testsuites name="pytest tests"><testsuite name="pytest" errors="0" failures="0" skipped="0" tests="5">
           <testcase classname="tests.test_price" name="test_round"/><testcase classname="tests.test_price" name="b"/></testsuite></testsuites>"#,
    );
    assert!(messages(&read).is_empty() && read.report.nothing_scanned.is_none());
}

/// Surefire counts every run of a test where it runs failing ones again; jest-junit counts no test of a file that it
/// could not run, and holds a case for it.
#[test]
fn reruns_count_and_more_cases_than_counted_miss_nothing() {
    let suite = |tests: u64, failures: u64| {
        read_sound(
            "junit",
            &format!(
                r#"<testsuite name="t" tests="{tests}" errors="0" failures="{failures}">
            <testcase name="flaky"><flakyFailure/><flakyError/></testcase>
            <testcase name="never"><failure/><rerunFailure/><rerunError/></testcase><testcase name="ok"/></testsuite>"#
            ),
        )
    };
    for (tests, failures, problems) in [(7, 5, 0), (3, 1, 0), (8, 5, 0), (7, 6, 1), (3, 0, 1)] {
        let read = suite(tests, failures);
        assert_eq!((read.findings.len(), messages(&read).len()), (1, problems), "{tests} {failures}");
    }
    let file = read_sound(
        "junit",
        r#"<testsuites tests="0" failures="0" errors="1"><testsuite name="a.spec.ts" errors="1" failures="0" tests="0">
        <testcase classname="Test suite failed to run" name="a.spec.ts"><error>x</error></testcase></testsuite></testsuites>"#,
    );
    assert_eq!((file.findings.len(), messages(&file).len()), (1, 0));
    assert!(file.report.nothing_scanned.is_none());
}

#[test]
fn without_a_test_nothing_was_scanned() {
    for text in [
        r#"<testsuites tests="0"/>"#,
        "<testsuite></testsuite>",
        r#"<testsuites><testsuite name="a" tests="0" failures="0"/></testsuites>"#,
        r#"<testsuite tests="1" skipped="1"><testcase name="a"><skipped/></testcase></testsuite>"#,
        r#"<testsuites><testsuite tests="2"><testcase name="a" status="notrun"/><testcase name="b" result="suppressed"/></testsuite></testsuites>"#,
        r#"<testsuite tests="1"><testcase name="a" result="Inconclusive"/></testsuite>"#,
        r#"<testsuite tests="1"><testcase name="a" status="Not Run"/></testsuite>"#,
        r#"<testsuites tests="2" disabled="2"><testsuite><testcase name="a"/><testcase name="b"/></testsuite></testsuites>"#,
        r#"<testsuites><testsuite tests="1" inconclusive="1"><testcase name="a"/></testsuite></testsuites>"#,
    ] {
        let read = read_sound("junit", text);
        assert!(read.report.nothing_scanned.is_some() && messages(&read).is_empty(), "{text}");
    }
    for text in [
        r#"<testsuite tests="2" skipped="1"><testcase name="a"/><testcase name="b" result="skipped"/></testsuite>"#,
        r#"<testsuite tests="1" status="run"><testcase name="a" status="run" result="completed"/></testsuite>"#,
        r#"<testsuite tests="1" disabled="1"><testcase name="a"><failure/></testcase></testsuite>"#,
    ] {
        assert!(read_sound("junit", text).report.nothing_scanned.is_none(), "{text}");
    }
}

#[test]
fn what_was_renamed_or_hidden_is_told() {
    for inside in [
        r#"<testcase name="a"><fbilure message="x"/></testcase>"#,
        r#"<testcase name="a"><system-out><failure/></system-out></testcase>"#,
        r#"<properties><testcase name="b"><failure/></testcase></properties><testcase name="a"/>"#,
        r#"<testcbse name="b"><failure/></testcbse><testcase name="a"/>"#,
        r#"<testcase name="a"><testcase name="b"><failure/></testcase></testcase>"#,
        r#"<testcase name="a">|failure/></testcase>"#,
        r#"<error message="out of memory"/><testcase name="a"/>"#,
    ] {
        let read = read_sound("junit", &format!("<testsuite>{inside}</testsuite>"));
        assert!(read.findings.is_empty() && !messages(&read).is_empty(), "{inside}");
    }
    for inside in [
        r#"<testcase name="a" status="fail"/>"#,
        r#"<testcase name="a" result="Error"/>"#,
        r#"<testcase name="a" failure="boom"/>"#,
        r#"<testcase name="a"><rerunFailure/></testcase>"#,
        "<testcase><skipped/><failure/></testcase>",
    ] {
        let read = read_sound("junit", &format!("<testsuite>{inside}</testsuite>"));
        assert_eq!((read.findings.len(), messages(&read).len()), (1, 0), "{inside}");
    }
}

#[test]
fn odd_fields_leave_the_finding() {
    for keys in [
        r#"line="1e400""#,
        r#"line="-1" file="""#,
        r#"name="" classname="""#,
        r#"time="x" line="99999999999999""#,
    ] {
        let read = read_sound(
            "junit",
            &format!("<testsuite><testcase {keys}><failure type=\"a 'v4lue'\"/></testcase></testsuite>"),
        );
        assert_eq!(read.findings.len(), 1, "{keys}");
        assert!(!format!("{:?}", read.findings).contains("v4lue"));
    }
    let same =
        |line: u32| {
            read_sound("junit", &format!(
            r#"<testsuite><testcase name="a" file="a.py" line="{line}"><failure/></testcase></testsuite>"#
        ))
        .findings
        .remove(0)
        .fingerprint
        };
    assert_eq!(same(1), same(9));
}

#[test]
fn other_xml_is_refused() {
    for text in [
        "<coverage line-rate='1'><packages/></coverage>",
        "<html><body>Sign in</body></html>",
        "<testsuite>",
        "<testsuite/><testsuite/>",
        "<testsuite/>trailing",
        "<!DOCTYPE t [<!ENTITY a 'b'>]><testsuite>&a;</testsuite>",
        "<?xml version=\"1.0\"?>",
        "<!-- only -->",
    ] {
        assert!(read_text(text).error.is_some(), "{text}");
        assert!(read_as("junit", text).error.is_some(), "{text}");
    }
    let said = |text| read_text(text).error.unwrap().to_string();
    assert!(said("<coverage></coverage>").contains("root element `coverage`"));
    for format in ["trivy", "trufflehog", "gitleaks"] {
        let error = read_as(format, "<testsuite/>").error.unwrap().to_string();
        assert!(error.contains("junit"), "{error}");
        assert!(read_as(format, "<coverage/>").error.is_some());
    }
    assert!(read_as("junit", "{}").error.is_some() && read_as("junit", "[]").error.is_some());
    let padded = format!(
        "<!-- {} --><testsuite><testcase name='a'><failure/></testcase></testsuite>",
        "x".repeat(100_000)
    );
    assert_eq!(read_as("junit", &padded).findings.len() + read_sound("junit", &padded).findings.len(), 2);
}

/// Burp's Dastardly lists weaknesses as if they were tests.
#[test]
fn weaknesses_in_the_clothes_of_tests_are_refused() {
    let text = r#"<testsuites failures="1" name="https://shop.test/" tests="2"><testsuite name="https://shop.test/" tests="1">
        <testcase name="Vulnerable JavaScript dependency"><failure message="x" type="Low">Issue</failure></testcase></testsuite></testsuites>"#;
    assert!(read_text(text).error.unwrap().to_string().contains("Dastardly"));
    // A test of a page is a test.
    let of_a_page = text.replace(r#"type="Low""#, r#"type="AssertionError""#);
    assert_eq!(read_sound("junit", &of_a_page).findings.len(), 1);
}
