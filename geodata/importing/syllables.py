"""Tell Vietnamese from what a wrong encoding makes of it: which words can be Vietnamese syllables, and which are known.

A syllable is an onset, a rime and a tone; the spelling rules leave about 20,000 of them, a thousandth of what letters
could form, and text in a wrong encoding forms hardly any. Known are the syllables of unit names, people's names and
addresses.
"""

import functools
import re
from importlib.resources import files
from itertools import product
from typing import Final

# By the letter after them: c, g, ng before back vowels are written k, gh, ngh before front ones.
_BACK_ONSETS: Final = ("c", "g", "ng")
_FRONT_ONSETS: Final = ("k", "gh", "ngh", "g")
_ONSETS: Final = "b ch d đ gi h kh l m n nh p ph r s t th tr v x"
_FRONT: Final = "eêiy"
_RIMES: Final = (
    "a ai ao au ay am an ang anh ac ach ap at ăm ăn ăng ăc ăp ăt âu ây âm ân âng âc âp ât "
    "e eo em en eng ec ep et ê êu êm ên ênh êch êp êt i iu im in inh ich ip it ia iêu iêm iên iêng iêc iêp iêt "
    "o oi om on ong oc op ot oong ooc oa oai oao oay oam oan oang oanh oac oach oap oat oăm oăn oăng oăc oăt "
    "oe oeo oen oet ô ôi ôm ôn ông ôc ôp ôt ơ ơi ơm ơn ơp ơt u ui um un ung uc up ut ua uôi uôm uôn uông uôc uôt "
    "uân uâng uât uây uê uênh uêch uơ uơn uy uya uyên uyêt uynh uych uyt uyp uyu "
    "ư ưi ưu ưm ưng ưc ưt ưa ươi ươu ươm ươn ương ươc ươp ươt y yêu yêm yên yêng yêt"
)
# After q the u belongs to the onset; the rimes are those without a rounded vowel of their own.
_RIMES_AFTER_QU: Final = (
    "a ai ao au ay an ang anh ac ach ap at ăm ăn ăng ăc ăp ăt âm ân âng ât ây âc e eo en et ê ên ênh êch êt "
    "i in ich it inh iu y yên yêt ynh ych yt ôc ơ ơi ơn"
)

_TONE_MARKS: Final = (
    "àảãáạ",
    "ằẳẵắặ",
    "ầẩẫấậ",
    "èẻẽéẹ",
    "ềểễếệ",
    "ìỉĩíị",
    "òỏõóọ",
    "ồổỗốộ",
    "ờởỡớợ",
    "ùủũúụ",
    "ừửữứự",
    "ỳỷỹýỵ",
)
_PLAIN: Final = str.maketrans(
    {toned: plain for plain, group in zip("aăâeêioôơuưy", _TONE_MARKS, strict=True) for toned in group}
)
_TONED: Final = re.compile(f"[{''.join(_TONE_MARKS)}]")
_SHARP_OR_HEAVY: Final = frozenset(letter for group in _TONE_MARKS for letter in group[3:])
_STOPS: Final = ("c", "ch", "p", "t")

PEOPLE: Final = (
    "nguyễn trần lê phạm hoàng huỳnh vũ võ đặng bùi đỗ hồ ngô dương lý đào đoàn vương trịnh đinh lâm phùng tô tăng hà "
    "lương lưu đồng châu thái tạ mạc từ triệu nghiêm khổng kiều lò sùng giàng vàng chảo tẩn hờ lầu thào cầm quàng bế "
    "nông ma chu đàm quách lại la âu ông bạch cù hứa lục mã thạch sơn kim thị văn hữu đức công quốc đình xuân minh ngọc "
    "thanh thành thúy thủy thuỷ thùy hương hường hồng hạnh hiền hiếu hòa hoà hùng hưng huệ huế huyền hằng hậu hải hào "
    "dũng duy duyên dung diệu diệp điệp đạt đăng đông đại định đoan giáp giang khánh khải khôi khoa kiên kiệt lan lợi "
    "lộc long lực loan liên linh liễu mạnh mỹ mỵ mùi nga ngân nghĩa nguyên nguyệt nhàn nhân nhật nhung như nhã nở phong "
    "phúc phước phương phượng phú quân quang quyền quyết quý quỳnh quế sáng sinh sương tài tâm tân tấn thắng thảo thạo "
    "thiện thiên thịnh thơ thơm thoa thoan thuận thu thư thức tiến tín tình tỉnh toàn toán trang trâm trí trinh trọng "
    "trung trúc trường tú tuấn tuệ tuyên tuyền tuyết tùng tường uyên út vân việt viên vinh vĩnh vượng vỹ yến ý đệ bảy "
    "sáu tám chín mười năm bốn tư hảo hợi tý sửu dần mão thìn tỵ ngọ mùi thân dậu tuất ái ánh bảo bích bình cúc cường "
    "cẩm chiến chiểu chính chung chương chí chúc dậu đắc"
)
WORDS: Final = (
    "đường phố ngõ ngách hẻm số nhà thôn xóm bản làng buôn ấp khu tổ dân phường xã thị trấn huyện quận tỉnh thành hộ "
    "gia đình chủ địa chỉ tên loại mã họ và điện thoại kinh độ vĩ diện tích tọa toạ trường học tiểu mầm non trạm y tế "
    "ủy ban nhân đảng bưu cục chợ chùa đình đền miếu cơ quan công ty cổ phần trách nhiệm hữu hạn hợp tác nông nghiệp "
    "sản xuất kinh doanh thương mại dịch vụ xây dựng vùng trồng cây lúa cà phê sầu riêng vải nhãn chuối bưởi xoài mít "
    "tiêu điều trạng thái hoạt động ngừng nguồn gốc ghi chú năm ngày tháng quốc lộ cầu cống suối sông hồ đồi núi đất ở "
    "đông tây nam bắc trung tâm văn hóa hoá nhóm đội cửa hàng khách sạn nghỉ du lịch được không có của các những một "
    "hai ba bốn đến từ giáp phía trên dưới trong ngoài giữa cuối đầu tổng cấp mới cũ đỏ xanh sổ giấy tờ bảo vệ quản lý "
    "cách mạng kháng chiến độc lập thống nhất giải phóng hai bà trưng trần hưng đạo nguyễn huệ lê lợi"
)

IMPOSSIBLE, POSSIBLE, RARE, USUAL, COMMON = range(5)
"""How much a word looks like Vietnamese."""


@functools.cache
def _base_syllables() -> dict[str, tuple[int, bool]]:
    """Map each syllable without tone to where its tone is written (two places count for hòa and hoà), and its stop."""
    found: dict[str, tuple[int, bool]] = {}
    front, back = (["", *_ONSETS.split(), *onsets] for onsets in (_FRONT_ONSETS, _BACK_ONSETS))
    pairs = [(onset, rime) for rime in _RIMES.split() for onset in (front if rime[0] in _FRONT else back)]
    for onset, rime in [*pairs, *product(["qu"], _RIMES_AFTER_QU.split())]:
        places, ends_in_stop = _tone_places(rime, len(onset))
        # Some are written alike: gi + a and g + ia.
        found[onset + rime] = (places | found.get(onset + rime, (0, False))[0], ends_in_stop)
    return found


def _tone_places(rime: str, start: int) -> tuple[int, bool]:
    vowels = len(rime) - len(rime.lstrip("aăâeêioôơuưy"))
    final = rime[vowels:]
    marked = [at for at in range(vowels) if rime[at] in "ăâêôơ"] or [at for at in range(vowels) if rime[at] == "ư"]
    if marked:
        places = [marked[-1]]
    elif vowels == 1:
        places = [0]
    elif final or vowels > 2:  # noqa: PLR2004 - the middle of three, or the second of two
        places = [1]
    else:
        places = [0, 1] if rime in ("oa", "oe", "uy") else [0]
    return sum(1 << (start + place) for place in places), final in _STOPS


def is_syllable(word: str) -> bool:
    """Tell whether a word in lower case and NFC can be a Vietnamese syllable, its tone on the right letter.

    Examples
    --------
    >>> [is_syllable(word) for word in ("nghiêng", "hòa", "hoà", "quốc", "bỡnh", "thòan", "nghàn")]
    [True, True, True, True, False, False, False]
    """
    known = _base_syllables().get(word.translate(_PLAIN))
    if known is None:
        return False
    places, ends_in_stop = known
    tones = [match.start() for match in _TONED.finditer(word)]
    if not tones:
        return not ends_in_stop
    return len(tones) == 1 and bool(places >> tones[0] & 1) and (not ends_in_stop or word[tones[0]] in _SHARP_OR_HEAVY)


@functools.cache
def _known() -> dict[str, int]:
    lines = files("geodata.reference.units").joinpath("syllables.txt").read_text(encoding="utf-8").splitlines()
    found = {word: level for level, line in zip((COMMON, USUAL, RARE), lines, strict=True) for word in line.split()}
    return dict.fromkeys(f"{PEOPLE} {WORDS}".split(), USUAL) | found


def likeness(word: str) -> int:
    """Say how much a word in NFC looks like Vietnamese, capitals aside: `IMPOSSIBLE` to `COMMON`.

    Examples
    --------
    >>> likeness("Xã"), likeness("Hịa"), likeness("Bỡnh")
    (4, 1, 0)
    """
    lower = word.lower()
    level = _known().get(lower)
    return level if level is not None else POSSIBLE if is_syllable(lower) else IMPOSSIBLE
