use super::*;

fn shell(script: &str, limit: Duration, max: u64) -> Result<GitAnswer, GitFault> {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    answer(command, limit, max)
}

#[test]
fn both_outputs_are_read_and_limits_hold() {
    let long = Duration::from_mins(1);
    let script = "i=0; while [ $i -lt 3000 ]; do echo out-$i-0123456789; echo err-$i-0123456789 >&2; i=$((i+1)); done; exit 3";
    let answer = shell(script, long, 1 << 20).unwrap();
    let lines = |text: &[u8]| text.split(|byte| *byte == b'\n').count() - 1;
    assert_eq!((lines(&answer.printed), lines(&answer.said)), (3000, 3000));
    assert_eq!(answer.status.code(), Some(3));
    assert!(matches!(shell("yes", long, 1000), Err(GitFault::TooLarge(1000))));
    let short = Duration::from_millis(100);
    for hangs in ["sleep 60", "exec >&- 2>&-; sleep 60", "sleep 60 & exit 0"] {
        assert!(matches!(shell(hangs, short, 1000), Err(GitFault::TimedOut(_))), "{hangs}");
    }
}
