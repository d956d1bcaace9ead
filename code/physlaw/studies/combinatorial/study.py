"""Section 4 of the paper: scenes of new combinations of known objects, against the number of templates trained on.

Cells: model size x number of training templates x seed. Scored on new red balls in scenes of the training templates
(in-template) and on ten held-out templates (out-of-template): picture metrics, object-level measures, the automatic
abnormal ratio; and on the visually ambiguous scenes of section 5.5. No torch, no numpy.
Source: paper section 4, Table 2; released combinatorial data, sections 6 and 7.
"""

from __future__ import annotations

from physlaw.studies.claim import Claim

TITLE = "Combinatorial generalization"
QUESTION = "Does a model that has seen objects in some combinations draw plausible videos of new combinations?"

IN_TEMPLATE, OUT_OF_TEMPLATE = "in_template", "out_of_template"
SETS = (IN_TEMPLATE, OUT_OF_TEMPLATE)
PAPER_CLIPS = {IN_TEMPLATE: 600, OUT_OF_TEMPLATE: 500}  # kept fixed there, since FVD depends on the number

TEMPLATES = ("6", "30", "60")  # training sets: how many templates, of 99,000 videos each
SCENARIOS = {"combinatorial": TEMPLATES}

# What is decided here, and how.
CLAIMS = {
    "C5": Claim(
        words="Out-of-template quality and abnormal ratio improve with the number of templates",
        check=(
            "Out-of-template quality and abnormal ratio improve with the number of templates: every "
            "available measure, from each number to the next"
        ),
        threshold="every difference beyond its interval",
        paper="abnormal .67, .18, .10",
        says={
            "whether": "more training templates make videos of new combinations better",
            "supported": (
                "{scale}, videos of new combinations are better after each step to more training templates, by "
                "every measure taken; least certain is {part}: better by {value:+.3g} [{low:+.3g}, {high:+.3g}] "
                "({seeds})."
            ),
            "not supported": (
                "{scale}, videos of new combinations are not better by every measure after each step to more "
                "training templates: {part}, better by {value:+.3g} [{low:+.3g}, {high:+.3g}], where below 0 is "
                "worse ({seeds})."
            ),
        },
        must_fail=("nearest_case", "fade"),
        must_pass=("fade_less",),
    ),
    "C6": Claim(
        words="In-template quality is best with 6 templates",
        check="In-template quality is best with 6 templates: SSIM, PSNR and LPIPS best, or tied after rounding",
        threshold="none better after rounding",
        paper="SSIM .973, .973, .972",
        says={
            "whether": "videos of scenes like those in training are best after 6 templates",
            "supported": (
                "{scale}, in scenes like those in training no model of more templates is better than that of 6 as "
                "rounded; nearest to it is {part}: better by {value:+.3g} [{low:+.3g}, {high:+.3g}] ({seeds})."
            ),
            "not supported": (
                "{scale}, in scenes like those in training a model of more than 6 templates is better: {part}, by "
                "{value:+.3g} [{low:+.3g}, {high:+.3g}] ({seeds})."
            ),
        },
        must_fail=("fade_less",),
        must_pass=("fade_more",),
    ),
    "C7": Claim(
        words="A smaller model is worse on 60 templates",
        check=("On 60 templates the smaller model is worse than the larger one: every available measure, on both sets"),
        threshold="every difference beyond its interval",
        paper="abnormal .24 against .10 out of template",
        says={
            "whether": "a smaller model draws worse videos than a larger one",
            "supported": (
                "{scale}, the larger model draws better videos than the smaller one by every measure taken; least "
                "certain is {part}: better by {value:+.3g} [{low:+.3g}, {high:+.3g}] ({seeds})."
            ),
            "not supported": (
                "{scale}, the larger model does not draw better videos than the smaller one by every measure: "
                "{part}, better by {value:+.3g} [{low:+.3g}, {high:+.3g}], where below 0 is worse ({seeds})."
            ),
        },
        must_fail=("fade",),
        must_pass=("fade_unequal",),
    ),
    "C15": Claim(
        words="Ambiguity below a pixel yields wrong outcomes",
        check=(
            "Ambiguity below a pixel yields wrong outcomes: accuracy where the margin is below one pixel of "
            "the picture is lower than from one pixel on"
        ),
        threshold="difference > 0, its interval beyond 0",
        paper="examples, no figures",
        says={
            "whether": "outcomes that hang on less than a pixel are drawn wrong more often",
            "supported": (
                "{scale}, outcomes that hang on less than a pixel are drawn wrong more often than those that hang "
                "on more; least certain is {part}: {value:.0%} [{low:.0%}, {high:.0%}] ({seeds})."
            ),
            "not supported": (
                "{scale}, it does not hold that outcomes that hang on less than a pixel are drawn wrong more often: "
                "{part}, {value:.0%} [{low:.0%}, {high:.0%}] ({seeds})."
            ),
        },
        must_fail=("law", "majority"),
        must_pass=("whole_pixels",),
    ),
}
# Reference agents that apply here; agents.py says what they draw.
AGENTS = (
    *("law", "nearest_case", "freeze", "shuffle", "fade", "fade_less", "fade_more"),
    *("fade_unequal_b", "fade_unequal_xl", "whole_pixels", "majority"),
)
AGENT_MODELS = ("b", "xl")  # an agent without a size is both
IN_TEMPLATE_QUALITY = ("ssim", "psnr", "lpips")  # of C6
SHOWN_ONLY = ("frechet_latent",)  # not the paper's measure: in tables, never part of a verdict

PAPER_MODELS = {"dit_xl": "DiT-XL", "dit_b": "DiT-B"}  # the larger and the smaller one
# (model, templates) -> measure -> in-template, out-of-template.
PAPER = {
    ("dit_xl", "6"): {
        "fvd": (18.2, 22.1), "ssim": (0.973, 0.943), "psnr": (32.8, 25.5), "lpips": (0.028, 0.082),
        "abnormal": (0.03, 0.67),
    },
    ("dit_xl", "30"): {
        "fvd": (19.5, 19.7), "ssim": (0.973, 0.950), "psnr": (32.7, 27.1), "lpips": (0.028, 0.065),
        "abnormal": (0.03, 0.18),
    },
    ("dit_xl", "60"): {
        "fvd": (17.6, 18.7), "ssim": (0.972, 0.951), "psnr": (32.4, 27.3), "lpips": (0.030, 0.062),
        "abnormal": (0.02, 0.10),
    },
    ("dit_b", "60"): {
        "fvd": (18.4, 21.4), "ssim": (0.967, 0.949), "psnr": (30.9, 27.0), "lpips": (0.035, 0.066),
        "abnormal": (0.03, 0.24),
    },
}  # fmt: skip
