//! The optimizers there are, each described once: parsing, printing, help and docs are made of this.

use super::kind::{Constant, Key, Kind, Range, optimizers, take};
use crate::InputError;
use crate::text::{Args, Writer};
use serde::{Deserialize, Serialize};

optimizers! {
    /// Stochastic gradient descent, with momentum where it is above 0.
    Sgd "sgd" {
        summary: "Goes down the gradient, or down its running sum.",
        update: "v ← μv + (1−dampening)g, v = g at t = 1; θ ← θ − rate·v; nesterov: rate·(g + μv)",
        rate: 0.001,
        weight_decay: 0.0,
        cycles: Some("momentum"),
        upstream: ["torch SGD", "keras SGD", "optax sgd"],
        paper: "Sutskever et al. 2013",
        differs: "",
        constants: {
            momentum: f64 = 0.0, Range::BelowOne, "μ, the share of the last step that is kept";
            dampening: f64 = 0.0, Range::BelowOne, "what is taken off the gradient's share in the sum, from the second step on";
            nesterov: bool = false, Range::Flag, "whether the step looks ahead; needs a momentum and no dampening";
        }
    }

    /// Adam (Kingma and Ba 2015): ε stands outside the corrected root.
    Adam "adam" {
        summary: "Divides the mean gradient by the root of the mean square.",
        update: "m ← β1m + (1−β1)g; v ← β2v + (1−β2)g²; θ ← θ − rate·m̂/(√v̂+ε), m̂ = m/(1−β1ᵗ), v̂ = v/(1−β2ᵗ)",
        rate: 0.001,
        weight_decay: 0.0,
        cycles: Some("beta1"),
        upstream: ["torch Adam", "keras Adam", "optax adam", "optax amsgrad"],
        paper: "Kingma and Ba 2015, arXiv:1412.6980; AMSGrad: Reddi et al. 2018, arXiv:1904.09237",
        differs: "",
        constants: {
            beta1: f64 = 0.9, Range::BelowOne, "the memory of the mean gradient";
            beta2: f64 = 0.999, Range::BelowOne, "the memory of the mean square";
            eps: f64 = 1e-8, Range::Positive, "ε, which bounds the step where gradients vanish";
            amsgrad: bool = false, Range::Flag, "whether v is the largest there has been";
        }
    }

    /// Adam with a decoupled weight decay of 0.01 unless `--weight-decay` says otherwise (Loshchilov and Hutter 2019).
    AdamW "adamw" {
        summary: "Adam with decoupled weight decay.",
        update: "θ ← (1 − rate·λ)θ, then as adam",
        rate: 0.001,
        weight_decay: 0.01,
        cycles: Some("beta1"),
        upstream: ["torch AdamW", "keras AdamW", "optax adamw"],
        paper: "Loshchilov and Hutter 2019, arXiv:1711.05101",
        differs: "",
        constants: {
            beta1: f64 = 0.9, Range::BelowOne, "the memory of the mean gradient";
            beta2: f64 = 0.999, Range::BelowOne, "the memory of the mean square";
            eps: f64 = 1e-8, Range::Positive, "ε, which bounds the step where gradients vanish";
            amsgrad: bool = false, Range::Flag, "whether v is the largest there has been";
        }
    }

    /// Adam with Nesterov's momentum (Dozat 2016), whose momentum rises to β1.
    NAdam "nadam" {
        summary: "Adam that looks ahead as Nesterov's momentum does.",
        update: "μₜ = β1(1 − ½·0.96^(ψt)); θ ← θ − rate·[(1−μₜ)g/(1−Πμ) + μₜ₊₁m/(1−μₜ₊₁Πμ)]/(√v̂+ε), Πμ = μ₁…μₜ",
        rate: 0.002,
        weight_decay: 0.0,
        cycles: Some("beta1"),
        upstream: ["torch NAdam", "keras Nadam", "optax nadam"],
        paper: "Dozat 2016",
        differs: "",
        constants: {
            beta1: f64 = 0.9, Range::BelowOne, "the memory of the mean gradient, and what its momentum rises to";
            beta2: f64 = 0.999, Range::BelowOne, "the memory of the mean square";
            eps: f64 = 1e-8, Range::Positive, "ε, which bounds the step where gradients vanish";
            momentum_decay: f64 = 0.004, Range::NotNegative, "ψ, how fast the momentum rises from ½β1 to β1";
        }
    }

    /// Adam whose first steps, while the mean square is uncertain, leave it out (Liu et al. 2020).
    RAdam "radam" {
        summary: "Adam whose step is rectified for the uncertainty of the first mean squares.",
        update: "ρ = ρ∞ − 2tβ2ᵗ/(1−β2ᵗ), ρ∞ = 2/(1−β2) − 1; if ρ > 5: θ ← θ − rate·m̂·r·√(1−β2ᵗ)/(√v+ε), \
                 r² = (ρ−4)(ρ−2)ρ∞/((ρ∞−4)(ρ∞−2)ρ); else θ ← θ − rate·m̂",
        rate: 0.001,
        weight_decay: 0.0,
        cycles: Some("beta1"),
        upstream: ["torch RAdam", "optax radam"],
        paper: "Liu et al. 2020, arXiv:1908.03265",
        differs: "",
        constants: {
            beta1: f64 = 0.9, Range::BelowOne, "the memory of the mean gradient";
            beta2: f64 = 0.999, Range::BelowOne, "the memory of the mean square";
            eps: f64 = 1e-8, Range::Positive, "ε, which bounds the step where gradients vanish";
        }
    }

    /// Adam by the largest gradient instead of the mean square (Kingma and Ba 2015).
    Adamax "adamax" {
        summary: "Adam that divides by the largest gradient, slowly forgotten.",
        update: "u ← max(β2u, |g|+ε); θ ← θ − rate·m̂/u",
        rate: 0.002,
        weight_decay: 0.0,
        cycles: Some("beta1"),
        upstream: ["torch Adamax", "keras Adamax", "optax adamax"],
        paper: "Kingma and Ba 2015, arXiv:1412.6980, section 7.1",
        differs: "",
        constants: {
            beta1: f64 = 0.9, Range::BelowOne, "the memory of the mean gradient";
            beta2: f64 = 0.999, Range::BelowOne, "how slowly the largest gradient is forgotten";
            eps: f64 = 1e-8, Range::Positive, "ε, which keeps u from 0";
        }
    }

    /// Division by the root of the mean square (Hinton 2012).
    RMSprop "rmsprop" {
        summary: "Divides the gradient by the root of its mean square.",
        update: "v ← αv + (1−α)g²; θ ← θ − rate·g/(√v+ε); centered: √(v − ḡ²), ḡ ← αḡ + (1−α)g; \
                 momentum: b ← μb + g/(√v+ε), θ ← θ − rate·b",
        rate: 0.01,
        weight_decay: 0.0,
        cycles: Some("momentum"),
        upstream: ["torch RMSprop", "keras RMSprop", "optax rmsprop"],
        paper: "Hinton 2012, lecture 6e; centered: Graves 2013, arXiv:1308.0850",
        differs: "",
        constants: {
            alpha: f64 = 0.99, Range::BelowOne, "the memory of the mean square";
            eps: f64 = 1e-8, Range::Positive, "ε, which bounds the step where gradients vanish";
            momentum: f64 = 0.0, Range::BelowOne, "μ, the share of the last step that is kept";
            centered: bool = false, Range::Flag, "whether the mean square is the variance, about the mean";
        }
    }

    /// Division by the root of the sum of squares (Duchi et al. 2011).
    Adagrad "adagrad" {
        summary: "Divides the gradient by the root of the sum of all its squares.",
        update: "G ← G + g²; θ ← θ − rate/(1+(t−1)·lr_decay)·g/(√G+ε)",
        rate: 0.01,
        weight_decay: 0.0,
        cycles: None,
        upstream: ["torch Adagrad", "keras Adagrad", "optax adagrad"],
        paper: "Duchi, Hazan and Singer 2011",
        differs: "",
        constants: {
            lr_decay: f64 = 0.0, Range::NotNegative, "by how much of itself the rate's divisor grows at each step";
            initial_accumulator_value: f64 = 0.0, Range::NotNegative, "G before the first step";
            eps: f64 = 1e-10, Range::Positive, "ε, which bounds the step where gradients vanish";
        }
    }

    /// Steps of the size of the last ones (Zeiler 2012).
    Adadelta "adadelta" {
        summary: "Scales the gradient to the size of the last steps.",
        update: "v ← ρv + (1−ρ)g²; Δ = g·√(u+ε)/√(v+ε); u ← ρu + (1−ρ)Δ²; θ ← θ − rate·Δ",
        rate: 1.0,
        weight_decay: 0.0,
        cycles: None,
        upstream: ["torch Adadelta", "keras Adadelta", "optax adadelta"],
        paper: "Zeiler 2012, arXiv:1212.5701",
        differs: "",
        constants: {
            rho: f64 = 0.9, Range::BelowOne, "ρ, the memory of both mean squares";
            eps: f64 = 1e-6, Range::Positive, "ε, from which the first steps get their size";
        }
    }

    /// Steps of equal size in every coordinate (Chen et al. 2023).
    Lion "lion" {
        summary: "Goes one rate up or down in every coordinate, by the sign of a mean gradient.",
        update: "θ ← (1 − rate·λ)θ − rate·sign(β1m + (1−β1)g); m ← β2m + (1−β2)g",
        rate: 0.0001,
        weight_decay: 0.0,
        cycles: Some("beta1"),
        upstream: ["lion-pytorch Lion", "keras Lion", "optax lion"],
        paper: "Chen et al. 2023, arXiv:2302.06675",
        differs: "",
        constants: {
            beta1: f64 = 0.9, Range::BelowOne, "the share of the mean gradient in the sign";
            beta2: f64 = 0.99, Range::BelowOne, "the memory of the mean gradient";
        }
    }

    /// Orthogonal steps for the weights of each layer (Jordan et al. 2024); biases by AdamW with its usual constants and the
    /// same rate.
    Muon "muon" {
        summary: "Makes the momentum of each layer's weights orthogonal by Newton–Schulz steps; biases by adamw.",
        update: "B ← μB + (1−μ)g; U = (1−μ)g + μB with nesterov, else B; X = U/max(‖U‖, ε); ns_steps times A = XXᵀ, \
                 X ← 3.4445X + (2.0315A² − 4.775A)X; θ ← (1 − rate·λ)θ − rate·√max(1, outputs/inputs)·X; \
                 match_rms_adamw: rate·0.2·√max(outputs, inputs)·X",
        rate: 0.001,
        weight_decay: 0.1,
        cycles: Some("momentum"),
        upstream: ["torch Muon", "optax muon"],
        paper: "Jordan et al. 2024, kellerjordan.github.io/posts/muon",
        differs: "The Newton–Schulz steps are in the precision of the run, where torch has bfloat16; torch leaves biases to \
                  another optimizer.",
        constants: {
            momentum: f64 = 0.95, Range::BelowOne, "μ, the memory of the mean gradient";
            nesterov: bool = true, Range::Flag, "whether the step looks ahead";
            ns_steps: u32 = 5, Range::Whole(1, 99), "Newton–Schulz steps";
            eps: f64 = 1e-7, Range::Positive, "the least norm that is divided by";
            match_rms_adamw: bool = false, Range::Flag, "whether steps are scaled to the size of adamw's, so that its rates fit";
        }
    }

    /// Schedule-Free SGD (Defazio et al. 2024): gradients at y, what is judged and delivered is the average x.
    ScheduleFreeSgd "schedule_free_sgd" {
        summary: "SGD whose running average is what is judged, so that the rate need not fall.",
        update: "y = (1−β)z + βx; z ← z − rate·(g(y) + λy); x ← (1−c)x + cz, c = w/Σw, w = tʳ·(largest rate)^weight_lr_power",
        rate: 1.0,
        weight_decay: 0.0,
        cycles: None,
        upstream: ["schedulefree SGDScheduleFree", "optax contrib.schedule_free_sgd"],
        paper: "Defazio et al. 2024, arXiv:2405.15682",
        differs: "No warmup_steps: a schedule can warm up.",
        constants: {
            momentum: f64 = 0.9, Range::BelowOne, "β, how near to x gradients are taken";
            r: f64 = 0.0, Range::NotNegative, "the power of t in the weights of the average";
            weight_lr_power: f64 = 2.0, Range::NotNegative, "the power of the largest rate in the weights of the average";
        }
    }

    /// Schedule-Free AdamW (Defazio et al. 2024): gradients at y, what is judged and delivered is the average x.
    ScheduleFreeAdamW "schedule_free_adamw" {
        summary: "AdamW whose running average is what is judged, so that the rate need not fall.",
        update: "as schedule_free_sgd, with g/(√v̂+ε) in place of g",
        rate: 0.0025,
        weight_decay: 0.0,
        cycles: None,
        upstream: ["schedulefree AdamWScheduleFree", "optax contrib.schedule_free_adamw"],
        paper: "Defazio et al. 2024, arXiv:2405.15682",
        differs: "No warmup_steps: a schedule can warm up.",
        constants: {
            beta1: f64 = 0.9, Range::BelowOne, "β, how near to x gradients are taken";
            beta2: f64 = 0.999, Range::BelowOne, "the memory of the mean square";
            eps: f64 = 1e-8, Range::Positive, "ε, which bounds the step where gradients vanish";
            r: f64 = 0.0, Range::NotNegative, "the power of t in the weights of the average";
            weight_lr_power: f64 = 2.0, Range::NotNegative, "the power of the largest rate in the weights of the average";
        }
    }

    /// Adam that finds its rate (Mishchenko and Defazio 2024): the rate given multiplies it, and is 1 unless there is a reason.
    Prodigy "prodigy" {
        summary: "Adam that estimates the distance to the solution and makes its rate of it; the rate given multiplies it.",
        update: "η = d·rate; q ← √β2·q + (d/d0)η⟨g, θ₀−θ⟩; s ← √β2·s + (d/d0)ηg; m ← β1m + (1−β1)dg; \
                 v ← β2v + (1−β2)d²g²; d ← max(d, d_coef·q/‖s‖₁); θ ← (1 − ηλ)θ − ηm/(√v+dε)",
        rate: 1.0,
        weight_decay: 0.0,
        cycles: Some("beta1"),
        upstream: ["prodigyopt Prodigy", "optax contrib.prodigy"],
        paper: "Mishchenko and Defazio 2024, arXiv:2306.06101",
        differs: "beta3 is √beta2 and growth is unbounded, upstream's defaults; optax corrects the start always.",
        constants: {
            beta1: f64 = 0.9, Range::BelowOne, "the memory of the mean gradient";
            beta2: f64 = 0.999, Range::BelowOne, "the memory of the mean square; its root is that of the estimate";
            eps: f64 = 1e-8, Range::Positive, "ε, which bounds the step where gradients vanish";
            d0: f64 = 1e-6, Range::Positive, "the estimate before the first step";
            d_coef: f64 = 1.0, Range::Positive, "what multiplies the estimate";
            use_bias_correction: bool = false, Range::Flag, "whether η is times √(1−β2ᵗ)/(1−β1ᵗ), as in Adam";
            safeguard_warmup: bool = false, Range::Flag, "whether s leaves the rate out, for a long warmup";
        }
    }

    /// L-BFGS: a quasi-Newton step on all training rows at once, so that an epoch is one step (Liu and Nocedal 1989).
    Lbfgs "lbfgs" {
        summary: "A quasi-Newton step for each epoch, on all training rows as one batch; for small data.",
        update: "d = −H·g, H from the last history_size pairs of Δθ and Δg; θ ← θ + td, t from a search that begins at rate, \
                 at rate·min(1, 1/‖g‖₁) in the first step",
        rate: 1.0,
        weight_decay: 0.0,
        cycles: None,
        upstream: ["torch LBFGS", "optax lbfgs"],
        paper: "Liu and Nocedal 1989",
        differs: "One iteration for each step, as with max_iter=1, and at most 25 evaluations in a search (max_eval=26); \
                  history_size is 100 and the search is off by default in torch; the batch is all training rows, whatever --batch says.",
        constants: {
            history_size: u32 = 10, Range::Whole(1, 100), "how many pairs are kept; each is two numbers for each parameter";
            strong_wolfe: bool = true, Range::Flag, "whether a line search finds the length of the step, until the strong Wolfe conditions hold";
        }
    }
}
