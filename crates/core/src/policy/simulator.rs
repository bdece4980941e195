//! Carries out a policy in memory and in virtual time, over losses that are given, and sees to it that the policy keeps
//! to its contract. For tests, within the crate and outside of it.

use opportune_core::judged::JudgedCurve;
use opportune_core::policy::{Action, Event, Policy};
use opportune_core::rng::{Purpose, Stream};
use opportune_core::space::Config;
use opportune_core::stop::Stopped;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// What a trial would give.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// Loss after each epoch that the config asks for; the trial diverges where it is not finite. It is the score, too.
    pub losses: Vec<f64>,
    /// A rule ends it after so many epochs.
    pub ends: Option<(u32, Stopped)>,
}

/// An action that granted epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    pub trial: u32,
    /// Epochs granted before.
    pub from: u32,
    /// Epochs granted in all.
    pub until: u32,
}

/// What came of it.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    /// In the order of the actions.
    pub grants: Vec<Grant>,
    /// Of each trial.
    pub configs: Vec<Config>,
    /// Epochs trained, of each trial.
    pub trained: Vec<u32>,
    /// Epochs trained in all.
    pub executed: u64,
    /// Whether the policy stopped everything.
    pub stopped: bool,
    /// Virtual time, in epochs of one worker.
    pub time: f64,
}

/// Where and how a policy is carried out.
pub struct Simulator<'a> {
    /// Trials that are trained at once.
    pub workers: usize,
    /// With 0 all epochs take equally long; else some trials are up to 400 times faster than others, so that they end in
    /// another order.
    pub seed: u64,
    /// Whether a trial is remembered, by its number: its grants end at once, in the middle of a batch of actions.
    pub remembered: fn(u32) -> bool,
    /// What a point would give.
    pub script: &'a dyn Fn(&Config) -> Script,
}

struct Trial {
    script: Script,
    granted: u32,
    trained: u32,
    running: bool,
    /// Why it ended last.
    stopped: Option<Stopped>,
}

struct Run<'a> {
    simulator: &'a Simulator<'a>,
    policy: &'a mut dyn Policy,
    trials: Vec<Trial>,
    outcome: Outcome,
    running: usize,
    queue: VecDeque<u32>,
    /// When who ends, by the bits of the time.
    working: BinaryHeap<Reverse<(u64, u32)>>,
    finished: bool,
}

impl Simulator<'_> {
    /// Carries it out to its end.
    ///
    /// # Panics
    /// Where the policy breaks its contract: a trial resumed that is running, or that cannot go on; a grant that does not
    /// grow, or is beyond what the config asks for; anything asked for after the end; waiting for nothing.
    pub fn run(&self, policy: &mut dyn Policy) -> Outcome {
        let mut run = Run {
            simulator: self,
            policy,
            trials: Vec::new(),
            outcome: Outcome::default(),
            running: 0,
            queue: VecDeque::new(),
            working: BinaryHeap::new(),
            finished: false,
        };
        run.ask();
        while !run.outcome.stopped {
            run.assign();
            let Some(Reverse((time, trial))) = run.working.pop() else { break };
            run.outcome.time = f64::from_bits(time);
            run.end(trial);
            run.ask();
        }
        assert!(run.finished, "it waits for ever");
        assert!(run.outcome.stopped || run.running == 0);
        assert_eq!(run.policy.next(usize::MAX), [], "it asks for more after its end");
        let trained: u64 = run.trials.iter().map(|trial| u64::from(trial.trained)).sum();
        assert!(run.outcome.stopped || trained == run.outcome.executed, "an epoch was repeated");
        run.outcome.trained = run.trials.iter().map(|trial| trial.trained).collect();
        run.outcome
    }

    fn speed(&self, trial: u32) -> f64 {
        let place = Stream::new(self.seed, 0, None, Purpose::Sampler { trial }).uniform();
        if self.seed == 0 { 1.0 } else { 20f64.powf(2.0 * place - 1.0) }
    }
}

impl Run<'_> {
    fn ask(&mut self) {
        while !self.finished {
            let actions = self.policy.next(self.simulator.workers.saturating_sub(self.running));
            if actions.is_empty() {
                return;
            }
            for action in actions {
                assert!(!self.finished, "{action:?} after the end");
                match action {
                    Action::Start { config, until } => self.start(config, until),
                    Action::Resume { trial, until } => self.resume(trial, until),
                    Action::Finish => self.finished = true,
                    Action::Stop => (self.finished, self.outcome.stopped) = (true, true),
                }
            }
        }
    }

    fn start(&mut self, config: Config, until: u32) {
        let script = (self.simulator.script)(&config);
        self.trials.push(Trial { script, granted: 0, trained: 0, running: false, stopped: None });
        self.outcome.configs.push(config);
        self.grant(self.trials.len() as u32 - 1, until);
    }

    fn resume(&mut self, trial: u32, until: u32) {
        let one = self.trials.get(trial as usize).expect("a trial that was started");
        assert!(!one.running, "trial {trial} is still being trained");
        assert_eq!(one.stopped, Some(Stopped::Complete), "trial {trial} cannot go on");
        self.grant(trial, until);
    }

    fn grant(&mut self, trial: u32, until: u32) {
        let one = &mut self.trials[trial as usize];
        assert!(until > one.granted, "trial {trial}: {until} epochs are no more than {}", one.granted);
        let asked = one.script.losses.len();
        assert!(until as usize <= asked, "trial {trial}: {until} epochs are beyond the {asked} of its config");
        self.outcome.grants.push(Grant { trial, from: one.granted, until });
        (one.granted, one.running) = (until, true);
        self.running += 1;
        if (self.simulator.remembered)(trial) {
            self.end(trial);
        } else {
            self.queue.push_back(trial);
        }
    }

    fn assign(&mut self) {
        while self.working.len() < self.simulator.workers {
            let Some(trial) = self.queue.pop_front() else { return };
            let one = &self.trials[trial as usize];
            let (until, _) = one.reaches();
            let took = f64::from(until - one.trained) * self.simulator.speed(trial);
            // The bits of numbers from 0 up are in their order.
            self.working.push(Reverse(((self.outcome.time + took).to_bits(), trial)));
        }
    }

    fn end(&mut self, trial: u32) {
        let one = &mut self.trials[trial as usize];
        let (until, stopped) = one.reaches();
        self.outcome.executed += u64::from(until - one.trained);
        (one.trained, one.stopped, one.running) = (until, Some(stopped), false);
        self.running -= 1;
        let seen = one.script.losses[..until as usize].iter().take_while(|loss| loss.is_finite());
        let losses: Vec<[f64; 1]> = seen.map(|loss| [*loss]).collect();
        self.policy.observe(&Event::Ended { trial, stopped, curve: JudgedCurve::of_losses(&losses) });
    }
}

impl Trial {
    /// How far the grant takes it, and why it ends there.
    fn reaches(&self) -> (u32, Stopped) {
        let gone = self.script.losses.iter().position(|loss| !loss.is_finite());
        let ends = gone.map(|at| (at as u32 + 1, Stopped::Diverged)).into_iter().chain(self.script.ends);
        let first = ends.min_by_key(|(epoch, _)| *epoch);
        first.filter(|(epoch, _)| *epoch <= self.granted).unwrap_or((self.granted, Stopped::Complete))
    }
}
