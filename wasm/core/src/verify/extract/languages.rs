//! How languages announce an answer.

/// The words of one language, in lower case.
pub struct Language {
    pub name: &'static str,
    /// Words for "answer".
    pub answer: &'static [&'static str],
    /// "final", before or after them.
    pub last: &'static [&'static str],
    /// "is", between them and the answer.
    pub is: &'static [&'static str],
}

const fn language(
    name: &'static str,
    answer: &'static [&'static str],
    last: &'static [&'static str],
    is: &'static [&'static str],
) -> Language {
    Language {
        name,
        answer,
        last,
        is,
    }
}

/// Every known language.
pub const LANGUAGES: &[Language] = &[
    language("english", &["answer"], &["final"], &["is"]),
    language(
        "arabic",
        &["الإجابة", "الاجابة", "الجواب"],
        &["النهائية", "النهائي"],
        &["هي", "هو"],
    ),
    language(
        "chinese",
        &["答案", "答：", "答:"],
        &["最终", "最后", "最終", "最後"],
        &["是", "为", "為"],
    ),
    language(
        "czech",
        &["odpověď", "výsledek"],
        &["konečná", "konečný", "finální"],
        &["je"],
    ),
    language(
        "dutch",
        &["antwoord"],
        &["uiteindelijke", "definitieve", "eindelijke", "finale"],
        &["is"],
    ),
    language(
        "french",
        &["réponse", "reponse"],
        &["finale", "définitive"],
        &["est"],
    ),
    language(
        "german",
        &["antwort", "endergebnis"],
        &["endgültige", "finale", "abschließende"],
        &["ist", "lautet"],
    ),
    language("greek", &["απάντηση"], &["τελική"], &["είναι"]),
    language(
        "hebrew",
        &["התשובה", "תשובה"],
        &["הסופית", "סופית"],
        &["היא"],
    ),
    language("hindi", &["उत्तर"], &["अंतिम"], &["है"]),
    language(
        "indonesian",
        &["jawaban", "jawabannya"],
        &["akhir", "akhirnya"],
        &["adalah"],
    ),
    language(
        "italian",
        &["risposta"],
        &["finale", "definitiva"],
        &["è", "e'"],
    ),
    language(
        "japanese",
        &["答え", "解答", "答："],
        &["最終的な", "最終", "最後の"],
        &["は"],
    ),
    language(
        "korean",
        &["정답", "답"],
        &["최종", "최종적인"],
        &["은", "은:"],
    ),
    language(
        "polish",
        &["odpowiedź", "odpowiedz"],
        &["ostateczna", "końcowa", "finalna"],
        &["to", "jest", "brzmi"],
    ),
    language(
        "portuguese",
        &["resposta"],
        &["final", "definitiva"],
        &["é", "e"],
    ),
    language(
        "romanian",
        &["răspunsul", "răspuns"],
        &["final"],
        &["este", "e"],
    ),
    language(
        "russian",
        &["ответ"],
        &["окончательный", "итоговый", "финальный"],
        &["это", "—", "–", "-", "равен"],
    ),
    language("spanish", &["respuesta"], &["final", "definitiva"], &["es"]),
    language(
        "swedish",
        &["svaret", "svar"],
        &["slutgiltiga", "slutliga"],
        &["är"],
    ),
    language("thai", &["คำตอบ"], &["สุดท้าย", "สุดท้ายคือ"], &["คือ"]),
    language(
        "turkish",
        &["cevap", "yanıt", "cevabı"],
        &["nihai", "son"],
        &[],
    ),
    language(
        "ukrainian",
        &["відповідь"],
        &["остаточна", "кінцева"],
        &["це", "—", "–", "-"],
    ),
    language(
        "vietnamese",
        &["đáp án", "đáp số", "câu trả lời"],
        &["cuối cùng"],
        &["là"],
    ),
];

/// The language of that name, in any case.
pub fn named(name: &str) -> Option<&'static Language> {
    LANGUAGES.iter().find(|l| l.name.eq_ignore_ascii_case(name))
}
