/** Entry of the page that checks files for anybody. */
import './styles/desk.css';
import './desk/checkPage';
import { keepPlaceOnLanguageChange, skipLinks } from './core/shell';

keepPlaceOnLanguageChange();
skipLinks();
