"""From the words of a posting to Saramin's job groups: sector keywords decide, the title helps."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from app.board.vocabulary import JOB_GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterable

KEYWORD_WEIGHT = 2.0
TITLE_WEIGHT = 3.0  # the list page shows five keywords at most, and titles name what comes after them
MOST_GROUPS = 3
LEAST_SHARE = 0.2  # of the strongest group's weight; a weaker group is by-catch

# A keyword belongs to each group with a fragment that it holds. "=word" is the whole keyword, and "!word"
# keeps keywords that hold it out. A keyword that no group claims and that begins with a Latin letter
# is a technology, which is IT.
_KEYWORDS = {
    "IT개발·데이터": """
        웹개발 백엔드 서버 프론트 풀스택 앱개발 하이브리드앱 크로스 =모바일 게임개발 =게임 =게임운영 프로그램설계 운영개발 소프트웨어 =개발 개발PM PM(프로 =pm PL(프로
        PMO PO(프로 유지보수 솔루션 기술지원 SE(시스템 시스템 네트워크 임베디드 펌웨어 데이터 알고리즘 보안 보호 모의해킹 취약점 악성코드
        방화벽 인프라 클라우드 퍼블리셔 반응형 웹표준 웹마스터 웹에이전시 IT컨설팅 ICT컨설팅 정보통신 정보처리 검색엔진 크롤링 플러그인
        스크립트 인터페이스 미들웨어 아키텍 트러블 클라이언트 블록체인 암호화폐 스마트컨트랙트 메타버스 VR( AR( 챗봇 음성 영상처리
        이미지프로 컴퓨터비전 자율주행 딥러닝 머신러닝 신경망 인공지능 AI( 텍스트마이닝 자연어 모델링 핀테크 빌링 종합포털 컨텐츠제공
        라즈베리 아두이노 어셈블리 렌더링 디버깅 빌드 전자정부 그누보드 파워빌더 통합메세징 전산/ 사용성테스트 테크니컬 QA/ =QA SQA CTO
        기술기획 텔레콤 로봇엔지니어 SI개발 MAP개발 사이트관리 쇼핑몰 PC관리 코딩 라우터 아이폰 와이어샤크 =모바일게임 3D온라인게임 C언어
        개인정보 이러닝 FPGA MCU =RTOS CISO CPO =FW =SAP ISMS =IDC
        !보안요원 !보안솔루션영업 !솔루션기술영업 !시스템영업 !네트워크영업""",
    "기획·전략": """
        =기획 사업기획 경영 전략 서비스기획 앱기획 웹기획 게임기획 R&D기획 신사업 사업개발 사업관리 사업제휴 사업PM PO(프로 PM(프로 PMO
        컨설턴트 =컨설팅 브랜드기획 콘텐츠기획 스토리보드 제안서 레벨디자인 밸런스기획 기술사업화 리서치 현지화 CX매니저 =CEO =CSO =ESG
        !교육컨설턴트 !영업전략 !판매전략 !마케팅 !환경영향""",
    "마케팅·홍보·조사": """
        마케팅 홍보 광고 인플루언서 브랜드 브랜딩 설문 조사 리서치 블로그 프로모션 판촉 행사기획 크리에이터 AE( CW( AM( CRM마 =SNS =IMC =SEO
        =CSR =UT =POP 미디어플래너 !브랜드디자인 !브랜드MD !광고영업 !광고디자인""",
    "회계·세무·재무": """
        회계 세무 재무 경리 결산 부가세 법인세 원천세 연말정산 자금 출납 전표 계산서 더존 감사 외환 IR/ 손익 원가 예산 기장 정산관리
        =IPO =IFRS =AICPA =CFA""",
    "인사·노무·HRD": """
        인사 급여 채용 노무 조직문화 평가/보상 복리후생 4대보험 면접 인력관리 아웃소싱 파견대행 법정의무 직업상담 진로상담 =헤드헌터
        사내행사 HRM =HRD HR컨 ER(""",
    "총무·법무·사무": """
        총무 법무 변호사 법률 송무 사무 문서 비서 서무 서류 자료입력 비품 경영지원 내방객 인/허가 컴플라이언스 특허 지식재산 자산관리 안내데스크
        제증명 회의지원 전화응대 복사 영업지원 번역 인증심사 =OA =Excel =PowerPoint !회계 !경리 !무역 !의약사무 !금융사무""",
    "디자인": """
        디자인 디자이너 일러스트 모션그래픽 캐릭터 타이포 원화 삽화 드로잉 컨셉아트 도트 페인팅 애니메 배너 카탈로그 인포그래픽 상세페이지
        애프터이펙트 특수효과 스케치업 AD(아트 3DMax UI/UX =GUI PhotoShop Figma =XD Maya Cinema4D =VFX =CG""",
    "영업·판매·무역": """
        영업 판매 무역 수출 수입유통 매장 샵마스터 캐셔 포워더 해외시장 거래처 바이어 유통 가맹점 수/발주 매출관리 채널관리 실적관리 오픈마켓
        소셜커머스 대형마트 편의점 렌탈 고객관리 인터넷금융 해외법인 패션잡화 부동산 중개 FAE B2B B2C =MR !유통MD !영업MD""",
    "고객상담·TM": """
        고객 상담 인바운드 아웃바운드 텔레마케 해피콜 게시판 전화응대 GM( GM·CS CX VOC =CS CS관리 CS강사 접수
        !진로상담 !직업상담 !상담교사 !상담간호사 !학습상담 !교육상담 !여행상담""",
    "구매·자재·물류": """
        구매 자재 물류 재고 창고 수불 납품 패킹 입고 출고 운송 수급 포워더 보세 세관 관세 적재 납기 주문관리 수/발주 지게차 유통관리 외주관리
        =SCM =MRO""",
    "상품기획·MD": "상품 아이템 소싱 진열 이커머스 오픈마켓 쇼핑몰관리 전자상거래 MD =AMD VMD 의류 패션 주얼리 !임상DM !금융상품 !보험상품 !아웃소싱",
    "운전·운송·배송": "운전 배송 물류기사 승합 탁송 트럭 1톤 수행기사 라이더 화물 지게차 해상운송 육상운송 항공운송 철도",
    "서비스": """
        호텔 리조트 카지노 캐셔 카페 바리스타 제과 파티쉐 조리 주방 홀서빙 식음료 메뉴 경비 경호 보안요원 안전요원 주차 요금정산 시설관리 미화
        청소 방범 여행 관광 객실 발권 지상직 설치 정비 수리 테마파크 케이터링 식단 영양사 급식 비만관리 고객안내 매장 접수/예약 도슨트 현장기사
        건물관리 헬스 트레이너 기전기사 보일러 공조냉동 A/S GRO !바리스타강사 !헬스케어""",
    "생산": """
        생산 제조 조립 기계조작 설비 공정 품질 선반 밀링 사출 금형 용접 도장 도금 가공 절삭 연삭 절단 검사 검품 포장 반도체 자동화 에칭 코팅
        주조 다이캐스팅 기계 장비 기술엔지니어 자동차부품 2교대 주간근무 철강 제철 금속 단순 디스플레이 전기기사 가스 배합 인쇄 납기 스마트팩토리
        포밍 정비기사 레디알 섬유 식품 화공 공장 조선 메카트로닉스 전자제품 기전기사 NC/ MCT =QC =FQA FA( =PLC =MES =SMT =CVD
        =LCD =OLED =LED =HMI =EFEM =PSM =PVC Haccp Co2 !회사본사 !기계설계 !장비영업 !반도체설계 !식품연구 !임상 !음료""",
    "건설·건축": """
        건설 건축 시공 토목 감리 인테리어 실내 조경 플랜트 배관 소방 공무 현장관리 설계엔지니어 구조해석 전기설계 전기설비 전기시공 계장 도시 관급
        통신공사 통신설계 CCTV공사 케이블설치 인터넷설치 안전관리 안전보건 캐드 2D설계 부동산개발 공조설비 견적 도면 위험성평가 =CAD AutoCAD CM(
        =전기 =통신 설비점검""",
    "의료": """
        간호 병원 의원 의사 임상병리 방사선 치과 피부과 정형 약사 의약사무 원무 보험심사 병리 검진 상담실장 침구 환자 전공의 전문의 내과 외래 진료
        초음파 운동치료 영상의학 의공기사 비만관리 헬스케어 의료 CRC(""",
    "연구·R&D": """
        연구 임상 바이오 생명 제약 화학 신소재 유기합성 고분자 이화학 시료 세포 유전자 분자 미생물 회로 기구설계 기계설계 전장 =전자 전자제어 전자파
        하드웨어 반도체 광학 로봇 제어 3D설계 2D설계 설계 유동해석 인증 품질분석 식품연구 화장품 정책 학술 통계 측정 원자력 에너지 =자동차 실험
        제제 제형 환경 항공기 솔리드웍스 계측 건강기능식품 메카트로닉스 R&D =RA CRA( CRM(임상 =PCB H/W FPGA ASIC SoC VHDL Verilog MEMS =RF OrCAD
        PSpice Pads =EDA CATIA =CAD =CAM NX( Matlab LabVIEW SMPS MCU Motor SEM =EMI =FAE =PLM
        !화장품판매 !화장품영업 !화장품매장 !시스템설계 !교수설계 !프로그램설계 !반도체장비 !실내""",
    "교육": """
        강사 교육 학원 교사 교수 교재 조교 학습 훈련 과외 어학 입시 =영어 중국어 일본어 한국어 수학 논술 교구 코치 대학 고등학교 중학교 교직 이러닝
        학생 직업전문 세계사 보육 돌봄 바이올린 댄스 진로상담 !대학병원 !인사교육""",
    "미디어·문화·스포츠": """
        영상 방송 촬영 작가 에디터 크리에이터 유튜브 콘텐츠 만화 웹툰 영화 드라마 공연 음악 음원 음반 엔터 연예 출판 편집 교열 원고 뉴미디어 스포츠
        골프 전시 박물관 미술관 큐레 사운드 작곡 스토리텔링 모션그래픽 애니메 캐스팅 콘서트 애프터이펙트 파이널컷 북디자인 헬스 트레이너 행사기획
        이벤트 통/번역 기술감독 PD/ MCN MICE =TV !영상처리 !영상의학 !의료영상 !헬스케어 !다이캐스팅 !에이전시""",
    "금융·보험": "금융 보험 은행 증권 자산운용 투자 대출 캐피탈 신용카드 핀테크 리스크 채권 감정평가 암호화폐 =IPO =CFA !보험심사 !4대보험",
    "공공·복지": "복지 요양 돌봄 보육 공공 복권 사회 상담교사 직업상담 정책 폐기물 농업 !공공영업 !공공디자인 !사회조사",
}

_TITLES = {
    "IT개발·데이터": r"개발자|(?:웹|앱|APP|서버|S/W|SW|소프트웨어|시스템|게임|프로그램|플랫폼|솔루션|펌웨어|제어)\s*개발|웹|프론트|백엔드|백앤드|풀스택|iOS|Android"
    r"|안드로이드|Java|파이썬|Python|소프트웨어|S/W|SW|데이터|\bDBA?\b|\bAI\b|인공지능|머신러닝|딥러닝|클라우드|DevOps|정보보안|네트워크"
    r"|시스템\s*(?:엔지니어|운영|관리)|전산|IT\b|ICT|\bS[IM]\b|\bERP\b|\bSAP\b|퍼블리|프로그래|임베디드|펌웨어|Engineer|Developer|\bQA\b"
    r"|알고리즘|블록체인|Unity|Unreal|C\+\+|C#",
    "기획·전략": r"기획|전략|\bP[MO]\b|컨설턴트|컨설팅|신사업|사업개발|경영지원|경영관리",
    "마케팅·홍보·조사": r"마케|홍보|광고|브랜드|SNS|\bAE\b|Market",
    "회계·세무·재무": r"회계|세무|재무|경리|자금|결산|공시",
    "인사·노무·HRD": r"인사(?!이트)|채용담당|\bHR\b|노무|급여|헤드헌터|교육담당",
    "총무·법무·사무": r"총무|법무|사무|행정|비서|서무|문서|특허|변호사|경영지원",
    "디자인": r"디자이너|디자인|일러스트|\bU[IX]\b|그래픽|원화|모션",
    "영업·판매·무역": r"영업|세일즈|판매|무역|수출|해외사업|매장|Sales",
    "고객상담·TM": r"상담|고객센터|콜센터|\bC[SX]\b|텔레|고객지원|인바운드|아웃바운드",
    "구매·자재·물류": r"구매|자재|물류|재고|창고|입출고|SCM|발주",
    "상품기획·MD": r"A?MD\b|상품기획|머천",
    "운전·운송·배송": r"운전|배송|기사님|운송|택배|드라이버|지게차|탁송",
    "서비스": r"카페|바리스타|호텔|조리|주방|홀\b|서빙|경비|미화|보안요원|주차(?!가능)|시설관리|리조트|캐셔|A/S|정비",
    "생산": r"생산|제조|조립|품질|공정|설비|용접|CNC|MCT|가공|현장직|기능직|PLC|포장",
    "건설·건축": r"건설|건축|시공|토목|공무|감리|인테리어|플랜트|현장소장|전기공사|소방",
    "의료": r"간호|병원|의원|치과|의사|물리치료|임상병리|방사선사|약사|조무사|원무",
    "연구·R&D": r"연구|R&D|R＆D|RND|H/W|하드웨어|회로|기구|설계|제어|Scientist|Research|임상|바이오",
    "교육": r"강사|교사|선생님|학원(?!졸업)|튜터|교수|훈련|국비|아카데미|조교",
    "미디어·문화·스포츠": r"\bPD\b|영상\s*(?:제작|편집|콘텐츠|촬영|디자|PD)|방송|편집|에디터|작가|콘텐츠|유튜브|촬영|웹툰|스포츠|공연|전시|기자\b",
    "금융·보험": r"금융|보험|은행|증권|(?<!시리즈[A-F])투자(?!유치)|자산운용|여신|핀테크|손해사정|펀드",
    "공공·복지": r"사회복지|복지[관사]|요양|보육|돌봄|공공",
}

_CODES = {name: code for code, name in JOB_GROUPS.items()}


@dataclass(frozen=True, slots=True)
class _Fragments:
    whole: frozenset[str]
    within: tuple[str, ...]
    never: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> _Fragments:
        """Take a group's fragments apart by their marks."""
        words = text.split()
        return cls(
            frozenset(word[1:] for word in words if word[0] == "="),
            tuple(word for word in words if word[0] not in "=!"),
            tuple(word[1:] for word in words if word[0] == "!"),
        )

    def claim(self, keyword: str) -> bool:
        """Whether a keyword belongs to the group."""
        if any(part in keyword for part in self.never):
            return False
        return keyword in self.whole or any(part in keyword for part in self.within)


_GROUPS = {name: _Fragments.read(text) for name, text in _KEYWORDS.items()}
_TITLE_PATTERNS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _TITLES.items()}


@cache
def keyword_groups(keyword: str) -> tuple[str, ...]:
    """The names of the groups that a sector keyword belongs to."""
    claimed = tuple(name for name, fragments in _GROUPS.items() if fragments.claim(keyword))
    if not claimed and re.match(r"[A-Za-z.]", keyword):
        return ("IT개발·데이터",)
    return claimed


def job_groups(keywords: Iterable[str], title: str, named: str | None = None) -> list[str]:
    """The codes of a posting's job groups, the strongest first, at most three.

    A keyword's weight is shared among its groups. `named` is a group that the crawl itself names.
    """
    weights: defaultdict[str, float] = defaultdict(float)
    for keyword in keywords:
        groups = keyword_groups(keyword)
        for name in groups:
            weights[name] += KEYWORD_WEIGHT / len(groups)
    for name, pattern in _TITLE_PATTERNS.items():
        if pattern.search(title):
            weights[name] += TITLE_WEIGHT
    if named:
        weights[named] += KEYWORD_WEIGHT
    strongest = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:MOST_GROUPS]
    return [_CODES[name] for name, weight in strongest if weight >= LEAST_SHARE * strongest[0][1]]
