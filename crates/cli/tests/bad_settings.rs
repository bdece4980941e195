//! Whatever is wrong with a setting: exit code 2, one line that says what, where and what to do, nothing written, no panic.

#![allow(clippy::unwrap_used)] // A test fails where it cannot go on.

mod common;

use common::refused::{all, file, refusal, words};
use common::{Place, colours};

#[test]
fn settings() {
    all(vec![
        words("fit good.csv --lr 0", &["--lr: a rate of 0 is not above 0"]),
        words("fit good.csv --lr=-0.1", &["--lr: a rate of -0.1 is not above 0"]),
        words("fit good.csv --lr nan", &["--lr: 'nan' is not finite"]),
        words("fit good.csv --lr inf", &["--lr: 'inf' is not finite"]),
        words("fit good.csv --lr 1e-3x", &["--lr: '1e-3x' is not a number"]),
        words("fit good.csv --lr 0.1,0.01", &["--lr: fit trains once, and 2 values are given", "opportune tune"]),
        words("fit good.csv --epochs 0", &["--epochs: 0 epochs train nothing", "at least 1"]),
        words("fit good.csv --epochs 1.5", &["--epochs: '1.5' is not a whole number"]),
        words("fit good.csv --epochs=-3", &["--epochs: '-3' is not a whole number"]),
        words("fit good.csv --epochs 99999999999", &["--epochs: '99999999999' is not a whole number"]),
        words("fit good.csv --epochs 4000000000", &["--epochs: 4000000000 epochs are more than can be planned"]),
        words("fit good.csv --threads 100000", &["--threads: 100000 threads are more than any machine has", "at most"]),
        words("fit good.csv --batch 0", &["--batch: a batch of 0 rows", "at least 1"]),
        words("fit good.csv --hidden 0", &["--hidden: at most"]),
        words("fit good.csv --hidden 5,,5", &["--hidden: '' is not a number of units", "write 100"]),
        words("fit good.csv --hidden 4000000000", &["--hidden: at most"]),
        words("fit good.csv --l2=-1", &["--l2: -1 is not a finite number from 0 up"]),
        words("fit good.csv --optimizer adm", &["--optimizer: ", "'adm'", "did you mean 'adam'?"]),
        words("fit good.csv --optimizer 'sgd(momentum=2)'", &["--optimizer: ", "momentum"]),
        words("fit good.csv --activation rellu", &["--activation: ", "'rellu'", "did you mean 'relu'?"]),
        words("fit good.csv --precision f16", &["--precision", "'f16'", "f32"]),
        words("fit good.csv --tol nan", &["--tol: NaN is not a finite number"]),
        words("fit good.csv --min-delta 1", &["--patience"]),
        words("fit good.csv --seed x", &["--seed: 'x'"]),
        words("fit good.csv --threads 0", &["--threads: 0 threads train nothing", "at least 1"]),
        words("fit good.csv --until 300", &["--until: not from 1 to --epochs 200"]),
        words("fit good.csv --schedule exponentail(gamma=0.9)", &["--schedule", "did you mean 'exponential'?"]),
        words("fit good.csv --schedule exponential(gama=0.9)", &["--schedule", "'gama'", "'gamma'"]),
        words("fit good.csv --schedule exponential(gamma=0.9", &["--schedule", "character"]),
        words("fit good.csv --schedule exponential(gamma=x)", &["--schedule", "gamma", "'x'"]),
        words("fit good.csv --schedule step(every=0)", &["--schedule", "every"]),
        words("fit good.csv --schedule multi_step(at=[3,x])", &["--schedule", "character 18", "a number", "'x'"]),
        words(
            "fit good.csv --schedule 'table(\"nowhere.csv\")'",
            &["--schedule", "character 7", "nowhere.csv: cannot be read"],
        ),
        words(
            "fit good.csv --schedule 'formula(\"0.1*epoh\")'",
            &["--schedule", "character 14", "did you mean 'epoch'?"],
        ),
        words("fit good.csv --schedule 'formula(\"0.1-epoch\")'", &["formula(", "gives -0.9 at step", "in epoch 1"]),
        words(
            "fit good.csv --lr 0.1 --schedule cyclic(base=1e-4,max=1e-2,up=20,down=20)",
            &["--lr: the schedule cyclic(", "has rates of its own", "leave --lr out"],
        ),
        words("fit good.csv --epoch 3", &["unknown flag '--epoch'", "did you mean '--epochs'?"]),
        words("fit good.csv good.csv", &["one argument too many: 'good.csv'", "opportune fit --help"]),
        words("fit", &["<DATA> is missing", "opportune fit --help"]),
        words("", &["no command given", "opportune --help"]),
        words("tun good.csv", &["unknown command 'tun'", "did you mean 'tune'?"]),
    ]);
}

#[test]
fn searches() {
    all(vec![
        words("tune good.csv --strategy gird", &["--strategy: unknown strategy 'gird'", "did you mean 'grid'?"]),
        words("tune good.csv --strategy grid --epochs 5", &["--lr: a grid needs the values to try", "--lr 0.01,0.001"]),
        words("tune good.csv --strategy grid --lr 0.1", &["--epochs: a grid needs the values", "--epochs 100,200"]),
        words(
            "tune good.csv --strategy grid --lr 1e-4..1e-1 --epochs 5",
            &["--lr: '1e-4..1e-1' is a range", "give the values"],
        ),
        words(
            "tune good.csv --strategy grid --lr 0.1 --epochs ..200",
            &["--epochs: '..200' is a range", "give the values"],
        ),
        words("tune good.csv --strategy grid --lr 0.1,0.1 --epochs 5", &["--lr: 0.1 is given twice"]),
        words("tune good.csv --strategy grid --lr 0.1,0 --epochs 5", &["--lr: a rate of 0 is not above 0"]),
        words("tune good.csv --strategy grid --lr 0.1 --epochs 5,0", &["--epochs: 0 epochs"]),
        words(
            "tune good.csv --strategy grid --epochs 5 --schedule cosine --schedule cyclic(base=1e-4,max=1e-2,up=2)",
            &["--schedule: some of these schedules have rates of their own", "in two studies"],
        ),
    ]);
}

#[test]
fn limits_of_a_search() {
    all(vec![
        words("tune good.csv --trials 0", &["--trials: 0 is nothing to search with", "at least 1"]),
        words("tune good.csv --trials=-1", &["--trials: '-1'"]),
        words("tune good.csv --trials many", &["--trials: 'many'"]),
        words("tune good.csv --budget-epochs 0", &["--budget-epochs: 0 is nothing to search with", "at least 1"]),
        words("tune good.csv --budget-epochs 1.5", &["--budget-epochs: '1.5'"]),
        words("tune good.csv --min-epochs 0", &["--min-epochs: 0 is nothing to search with", "at least 1"]),
        words("tune good.csv --time nonsense", &["--time: 'nonsense' is no time", "as 30s, 10m or 2h"]),
        words("tune good.csv --time 0s", &["--time: '0s' is no time"]),
        words("tune good.csv --time=-3m", &["--time: '-3m' is no time"]),
        words("tune good.csv --time 5d", &["--time: '5d' is no time"]),
        words("tune good.csv --target-score nan", &["--target-score: ", "is not a finite number"]),
        words("tune good.csv --target-score inf", &["--target-score: ", "is not a finite number"]),
        words("tune good.csv --target-score high", &["--target-score: 'high'"]),
        words(
            "tune good.csv --patience 3",
            &["--patience: the default search decides itself when to stop", "leave it out", "such as halving"],
        ),
        words("tune good.csv --strategy auto --tol 1e-4", &["--tol: the default search decides itself when to stop"]),
        words("tune good.csv --strategy halving --patience 0", &["--patience: 0 epochs", "at least 1"]),
        words("tune good.csv --strategy random --tol nan", &["--tol: NaN is not a finite number"]),
        words("fit good.csv --trials 3", &["unknown flag '--trials'"]),
    ]);
    for limit in ["--trials 3", "--time 3s", "--budget-epochs 100", "--min-epochs 2", "--target-score 0.9"] {
        let place = Place::new();
        place.write("good.csv", colours(60));
        let ran = place.run(&format!("tune good.csv --strategy grid --lr 0.1 --epochs 5 {limit}"));
        let flag = limit.split(' ').next().unwrap();
        let said =
            format!("error: {flag}: a grid trains all of its points, and nothing limits it; leave it out, or choose");
        assert!(refusal(&ran).starts_with(&said), "{ran:#?}");
    }
}

#[test]
fn ranges() {
    all(vec![
        words("tune good.csv --lr 0.1..0.01", &["--lr: the range '0.1..0.01' is empty", "LOW..HIGH"]),
        words("tune good.csv --lr 0.1..0.1", &["--lr: the range '0.1..0.1' is empty"]),
        words("tune good.csv --lr 0..0.1", &["--lr: the range '0..0.1' does not begin above 0", "give a list"]),
        words("tune good.csv --lr 0.1..", &["--lr: the range '0.1..' has no end", "LOW..HIGH"]),
        words("tune good.csv --lr ..0.1", &["--lr: the range '..0.1' has no end", "LOW..HIGH"]),
        words("tune good.csv --lr nan..1", &["--lr: 'nan' is not finite"]),
        words("tune good.csv --lr 1e-3..inf", &["--lr: 'inf' is not finite"]),
        words("tune good.csv --lr 1e-4..1e-2..1", &["--lr: '1e-2..1' is not a number"]),
        words("tune good.csv --lr 0", &["--lr: a rate of 0 is not above 0"]),
        words("tune good.csv --lr 0.1,0.1", &["--lr: 0.1 is given twice"]),
        words("tune good.csv --epochs 0", &["--epochs: 0 epochs train nothing", "at least 1"]),
        words("tune good.csv --epochs 0..5", &["--epochs: 0 epochs train nothing", "at least 1"]),
        words("tune good.csv --epochs ..0", &["--epochs: 0 epochs train nothing"]),
        words("tune good.csv --epochs 9..5", &["--epochs: the range '9..5' is empty", "LOW..HIGH"]),
        words("tune good.csv --epochs 5..", &["--epochs: the range '5..' has no end", "..HIGH"]),
        words("tune good.csv --epochs 5,5", &["--epochs: 5 is given twice"]),
        words("tune good.csv --epochs 5,0", &["--epochs: 0 epochs train nothing"]),
        words("tune good.csv --epochs 1e3", &["--epochs: '1e3' is not a whole number"]),
        words("tune good.csv --epochs ..4000000000", &["--epochs: 4000000000 epochs are more than can be planned"]),
        words("tune good.csv --batch 0..8", &["--batch: the range '0..8' does not begin above 0"]),
        words("tune good.csv --batch 8..4", &["--batch: the range '8..4' is empty"]),
        words("tune good.csv --l2 1e-3..1e-5", &["--l2: the range '1e-3..1e-5' is empty"]),
        words("tune good.csv --weight-decay 1..x", &["--weight-decay: 'x' is not a number"]),
        words("tune good.csv --hidden 10..20", &["--hidden: '10..20' is not a number of units"]),
        words("tune good.csv --activation relu..tanh", &["--activation: ", "'relu..tanh'"]),
        words("tune good.csv --strategy grid --lr 0.1 --epochs 5 --batch 8..16", &["--batch: '8..16' is a range"]),
        words("tune good.csv --strategy grid --lr 0.1 --epochs 5 --l2 1e-5..1e-3", &["--l2: '1e-5..1e-3' is a range"]),
        words("fit good.csv --lr 1e-3..1e-1", &["--lr: fit trains once, and a range is given", "opportune tune"]),
        words("fit good.csv --epochs ..5", &["--epochs: '..5' is not a whole number"]),
        words(
            "tune good.csv --schedule sequence(linear(from=0,to=1,over=5),cosine()) --epochs 3",
            &["schedule: the lengths in sequence add up to 5 epochs of the run's 3", "more epochs"],
        ),
        words("tune good.csv --schedule cosine --schedule cosine", &["--schedule: cosine is given twice"]),
        words("tune good.csv --optimizer adam,adamw", &["--weight-decay: ", "give --weight-decay 0.01, or 0"]),
        words(
            "tune good.csv --lr 0.1 --schedule cyclic(base=1e-4,max=1e-2,up=2)",
            &["--lr: the schedule cyclic(", "has rates of its own", "leave --lr out"],
        ),
    ]);
}

/// What a grid refuses, others take.
#[test]
fn ranges_and_no_flags_at_all_are_good_input() {
    let place = Place::new();
    place.write("good.csv", colours(60));
    place.run("tune good.csv --quiet").good();
    for strategy in ["auto", "random", "sobol", "halving", "asha"] {
        let flags = "--lr 1e-3..1e-1 --epochs ..5 --batch 8..16 --l2 1e-5..1e-3 --hidden 4 --trials 4 --quiet";
        place.run(&format!("tune good.csv --strategy {strategy} --name {strategy} {flags}")).good();
    }
}

#[test]
fn losses() {
    all(vec![
        words(
            "fit good.csv --loss huber",
            &["--loss: huber is for numbers, and the target is classes", "cross-entropy"],
        ),
        words("tune good.csv --loss squared", &["--loss: squared is for numbers, and the target is classes"]),
        words("fit good.csv --loss logistic", &["--loss: for this target it is softmax, not logistic"]),
        words(
            "fit numbers.csv --loss softmax",
            &["--loss: softmax is for classes, and the target is numbers", "huber"],
        ),
        words("fit numbers.csv --loss hubr", &["--loss: ", "unknown loss 'hubr'; did you mean 'huber'?"]),
        words("fit numbers.csv --loss huber(delta=0)", &["--loss: ", "delta must be above 0, not 0"]),
        words("fit numbers.csv --loss squared,huber", &["--loss: fit trains once, and 2 values are given"]),
        words(
            "tune numbers.csv --loss squared,huber",
            &["--loss: trials are compared by their validation loss", "grid"],
        ),
        words("range-test numbers.csv --loss squared,huber", &["--loss: "]),
        file(
            "x.csv",
            "a,y\n1,0.5\n2,2.5\n3,-1.5\n4,0\n",
            "fit x.csv --loss poisson",
            &["--loss: poisson is for counts, and the target is -1.5 in some row", "choose squared or huber"],
        ),
        words("fit good.csv --label-smoothing 1", &["--label-smoothing: 1 is not from 0 up and below 1"]),
        words("tune good.csv --label-smoothing 0..0.5", &["--label-smoothing: ", "does not begin above 0"]),
        words(
            "fit numbers.csv --label-smoothing 0.1",
            &["--label-smoothing: is for classes, and the target is numbers"],
        ),
    ]);
}

#[test]
fn weights() {
    let given = "x,w,y\n1,1,0.5\n2,-2,2.5\n3,1,1.5\n4,1,0\n";
    all(vec![
        words("fit good.csv --class-weight balance", &["--class-weight", "'balance' has no weight; write balanced"]),
        words("fit good.csv --class-weight red=x", &["--class-weight", "'red=x' has no weight", "yes=3,no=1"]),
        words("fit good.csv --class-weight red=-1", &["--class-weight", "a weight of -1 for 'red'"]),
        words("fit good.csv --class-weight rad=2", &["--class-weight: there is no class 'rad'; did you mean 'red'?"]),
        words(
            "tune numbers.csv --class-weight balanced",
            &["--class-weight: is for classes, and the target is numbers"],
        ),
        words("fit good.csv --sample-weight size", &["--sample-weight: ", "there is no column 'size'"]),
        words("fit good.csv --sample-weight kind", &["--sample-weight: column 'kind' is the target"]),
        file(
            "x.csv",
            given,
            "fit x.csv --sample-weight w",
            &["--sample-weight: column 'w': a weight of -2 is below 0"],
        ),
        file(
            "x.csv",
            given.replace("-2", "zero"),
            "fit x.csv --sample-weight w",
            &["--sample-weight: column 'w' holds texts, and a weight is a number"],
        ),
        file(
            "x.csv",
            given.replace("-2", "").replace("3,1", "3,2"),
            "tune x.csv --sample-weight w",
            &["--sample-weight: column 'w': 1 row has no weight; fill it in"],
        ),
        file(
            "x.csv",
            given.replace("-2", "1"),
            "tune x.csv --sample-weight w",
            &["--sample-weight: column 'w' was left out, see above; it tells no rows apart"],
        ),
    ]);
}

#[test]
fn several_labels() {
    let given = "x,p,q\n1,0,1\n2,1,1\n3,1,0\n4,0,0\n";
    let asked = |content: String, says| file("x.csv", content, "fit x.csv --target p,q", says);
    all(vec![
        words("fit good.csv --target kind,length", &["--target: column 'kind': 'blue' is neither 0 nor 1"]),
        words("tune numbers.csv --target y,a", &["--target: column 'y': a number in it is neither 0 nor 1"]),
        words("fit good.csv --target kind,colour", &["--target: column 'kind': 'blue' is neither 0 nor 1"]),
        asked(given.replace("2,1,1", "2,1,"), &["--target: column 'q': 1 row has no label; fill it in"]),
        asked(given.replace("2,1,1", "2,1,2"), &["--target: column 'q': 2 is neither 0 nor 1"]),
        file("x.csv", given, "fit x.csv --target p,s", &["--target: there is no column 's'"]),
        file("x.csv", given, "fit x.csv --target p,p", &["--target: column 'p' is the target"]),
        file(
            "x.csv",
            given,
            "fit x.csv --target p,q --score log_loss",
            &["--score: log_loss cannot judge several labels"],
        ),
        file("x.csv", given, "fit x.csv --target p,q --loss softmax", &["--loss: for this target it is logistic"]),
        file(
            "x.csv",
            given,
            "fit x.csv --target p,q --class-weight balanced",
            &["--class-weight: is for classes, and the target is several labels"],
        ),
    ]);
}
